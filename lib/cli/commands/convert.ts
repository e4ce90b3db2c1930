/** `svg-t2i convert`: any readable weight file as safetensors. */
import { Command, Option } from 'commander';
import { CONVERSION_DTYPES, QUANTISATIONS } from '../../config/conversion.js';
import type { ConvertOptions } from '../../weight-files.js';
import { followFileJob } from '../file-progress.js';
import { int8Words } from '../int8-words.js';
import { note, printJson, printLine } from '../output.js';
import { formatBytes, parseBytes } from '../units.js';

interface ConvertFlags {
  readonly dtype: NonNullable<ConvertOptions['dtype']>;
  readonly quantize: NonNullable<ConvertOptions['quantize']>;
  readonly maxShardSize: number;
  readonly resume: boolean;
  readonly overwrite?: boolean;
  readonly json?: boolean;
}

const EXAMPLES = `
OUT is a .safetensors file, or a folder that gets model.safetensors. Above --max-shard-size the tensors are spread over
several files with an index, as Hugging Face lays them out. Every file appears whole or not at all, and is read back and
compared. An interrupted run goes on where it was.

--quantize int8 stores the large matrices of a transformer or a text encoder in 8 bit with a scale for each output: a quarter
of fp32. sample, serve and the rest read it as it is (--dtype auto or int8); --dtype of this command is then of the other
tensors, and of a file that is int8 already it multiplies the matrices out. Into a folder, config.json, model_args.json and
the tokenizer's files go along, so that it can stand in for the folder it was made from.

Examples:
  svg-t2i convert consolidated.00-of-01.pth dit.safetensors --dtype bf16
  svg-t2i convert svg_autoencoder-P-stage3.ckpt converted/ --max-shard-size 500MB
  svg-t2i convert pre-trained/dit-stage4-T274M dit-int8/ --quantize int8
  svg-t2i convert pre-trained/gemma-2-2b gemma-2-2b-int8/ --quantize int8
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
      new Option('--quantize <scheme>', 'of the large matrices').choices(QUANTISATIONS).default('none'),
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
      const { dtype, quantize, maxShardSize, resume, overwrite, json = false } = flags;
      const report = await followFileJob(json, (options) =>
        convertWeights(input, output, {
          ...{ dtype, quantize, resume, overwrite, maxShardBytes: maxShardSize },
          ...options,
        }),
      );
      if (json) return printJson({ type: 'done', ...report });
      if (report.remark !== '') note(report.remark);
      for (const file of report.files) printLine(file);
      const kept =
        report.kept > 0 ? `, ${report.kept} of ${report.files.length} files were there already` : '';
      printLine(`${report.tensors} tensors, ${formatBytes(report.bytes)}${kept}`);
      if (report.int8 !== undefined) printLine(int8Words(report.int8));
    });
}
