/** `svg-t2i convert`: any readable weight file as safetensors. */
import { Command, Option } from 'commander';
import { CONVERSION_DTYPES } from '../../config/conversion.js';
import type { ConvertOptions } from '../../weight-files.js';
import { followFileJob } from '../file-progress.js';
import { printJson, printLine } from '../output.js';
import { formatBytes, parseBytes } from '../units.js';

interface ConvertFlags {
  readonly dtype: NonNullable<ConvertOptions['dtype']>;
  readonly maxShardSize: number;
  readonly resume: boolean;
  readonly overwrite?: boolean;
  readonly json?: boolean;
}

const EXAMPLES = `
OUT is a .safetensors file, or a folder that gets model.safetensors. Above --max-shard-size the tensors are spread over
several files with an index, as Hugging Face lays them out. Every file appears whole or not at all, and is read back and
compared. An interrupted run goes on where it was.

Examples:
  svg-t2i convert consolidated.00-of-01.pth dit.safetensors --dtype bf16
  svg-t2i convert svg_autoencoder-P-stage3.ckpt converted/ --max-shard-size 500MB
`;

export function convertCommand(): Command {
  return new Command('convert')
    .description('write any readable weight file as safetensors')
    .argument('<in>', 'a weight file, its index, or the folder that holds it')
    .argument('<out>', 'a .safetensors file or a folder')
    .addOption(
      new Option('--dtype <dtype>', 'of floating-point tensors').choices(CONVERSION_DTYPES).default('keep'),
    )
    .addOption(
      new Option('--max-shard-size <size>', 'above this, several files')
        .argParser(parseBytes)
        .default(5e9, '5GB'),
    )
    .option('--no-resume', 'write every file anew')
    .option('--overwrite', 'replace files that are in the way')
    .option('--json', 'print progress and result as JSON lines')
    .addHelpText('after', EXAMPLES)
    .action(async (input: string, output: string, flags: ConvertFlags) => {
      const { convertWeights } = await import('../../weight-files.js');
      const { dtype, maxShardSize, resume, overwrite, json = false } = flags;
      const report = await followFileJob(json, (options) =>
        convertWeights(input, output, { dtype, maxShardBytes: maxShardSize, resume, overwrite, ...options }),
      );
      if (json) return printJson({ type: 'done', ...report });
      for (const file of report.files) printLine(file);
      const kept =
        report.kept > 0 ? `, ${report.kept} of ${report.files.length} files were there already` : '';
      printLine(`${report.tensors} tensors, ${formatBytes(report.bytes)}${kept}`);
    });
}
