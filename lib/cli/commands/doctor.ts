/** `svg-t2i doctor`: what is found, what is missing, the fix. */
import { Command } from 'commander';
import pc from 'picocolors';
import type { Finding } from '../../doctor/finding.js';
import { EXIT_CODES } from '../../errors.js';
import { printJson, printMarked } from '../output.js';

interface DoctorFlags {
  readonly pretrained?: string;
  readonly json?: boolean;
}

export function doctorCommand(): Command {
  return new Command('doctor')
    .description('check the machine, libtorch, the addon and the weights, and say what to do')
    .option('--pretrained <folder>', "the release's pre-trained folder (SVG_T2I_PRETRAINED)")
    .option('--json', 'print one JSON object')
    .action(async (flags: DoctorFlags) => {
      const findings = await examine(flags.pretrained ?? process.env.SVG_T2I_PRETRAINED);
      const failed = findings.some(({ status }) => status === 'fail');
      if (flags.json === true) printJson({ ok: !failed, findings });
      else for (const finding of findings) printFinding(finding);
      process.exitCode = failed ? EXIT_CODES.environment : EXIT_CODES.ok;
    });
}

async function examine(pretrained: string | undefined): Promise<readonly Finding[]> {
  const { checkMachine } = await import('../../doctor/machine.js');
  const { checkNative } = await import('../../doctor/native.js');
  const { checkWeights } = await import('../../doctor/weights.js');
  return [...(await checkMachine()), ...checkNative(), ...checkWeights(pretrained)];
}

function printFinding({ name, status, detail, fix }: Finding): void {
  const mark = { ok: pc.green('ok  '), warn: pc.yellow('warn'), fail: pc.red('FAIL') }[status];
  printMarked(mark, `  ${name}: ${detail}`);
  for (const line of (fix ?? '').split('\n').filter((text) => text !== ''))
    printMarked(`      ${pc.dim('->')} `, line);
}
