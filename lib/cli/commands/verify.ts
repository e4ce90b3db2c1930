/** `svg-t2i verify`: whether a weight file is whole, finite and the one that was published. */
import { Command } from 'commander';
import { EXIT_CODES } from '../../errors.js';
import { followFileJob } from '../file-progress.js';
import { printJson, printLine } from '../output.js';
import { formatBytes } from '../units.js';

interface VerifyFlags {
  readonly sha256?: string;
  readonly json?: boolean;
}

const EXAMPLES = `
Reads every byte: the format, NaN and infinity, the eight hash digits in names of published files ("-4057cbaa.pth"), the
totals of an index. Exit code 1 where something is wrong.

Examples:
  svg-t2i verify dinov3_vits16plus_pretrain_lvd1689m-4057cbaa.pth
  svg-t2i verify model.safetensors --sha256 14c0a961...
`;

export function verifyCommand(): Command {
  return new Command('verify')
    .description('check that a weight file is whole, finite and the one that was published')
    .argument('<file>', 'a weight file, its index, or the folder that holds it')
    .option('--sha256 <digits>', 'the hash that the file must have')
    .option('--json', 'print progress and result as JSON lines')
    .addHelpText('after', EXAMPLES)
    .action(async (file: string, { sha256, json = false }: VerifyFlags) => {
      const { verifyWeights } = await import('../../weight-files.js');
      const report = await followFileJob(json, (options) => verifyWeights(file, { sha256, ...options }));
      process.exitCode = report.ok ? EXIT_CODES.ok : EXIT_CODES.failure;
      if (json) return printJson({ type: 'done', ...report });
      for (const { path, bytes, sha256: digits } of report.files) {
        printLine(`${digits}  ${path} (${formatBytes(bytes)})`);
      }
      printLine(`${report.description}: ${report.tensors} tensors, ${formatBytes(report.totalBytes)}`);
      for (const problem of report.problems) printLine(`problem: ${problem}`);
      printLine(report.ok ? 'ok' : `${report.problems.length} problems`);
    });
}
