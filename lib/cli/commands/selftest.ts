/** `svg-t2i selftest`: golden cases through the code that every user runs. */

import { join } from 'node:path';
import { Command } from 'commander';
import type { Engine, EngineOptions } from '../../engine.js';
import { EXIT_CODES } from '../../errors.js';
import { PACKAGE_ROOT } from '../../install/paths.js';
import { CASE_COLUMNS, caseMessages, caseRow, summary } from '../../selftest/report.js';
import type { SelftestReport } from '../../selftest/run.js';
import { parseInteger } from '../arguments.js';
import { formatTable, note, printJson, printLine } from '../output.js';
import { listenForInterrupt } from '../signals.js';

/** All of them in a clone, the small ones of package.json's `files` in an installed package. */
const PACKAGED_CASES = join(PACKAGE_ROOT, 'test/golden');

interface SelftestFlags {
  readonly cases?: string;
  readonly json?: boolean;
  readonly threads?: number;
  readonly device: string;
}

const EXAMPLES = `
A case is a folder with case.json and the tensors that it names. Golden numbers are those of fp32 on a CPU. On a GPU
the cases run in fp32 too, without TF32; where one holds steps that the optimiser makes of rounding, it may miss them.

The package carries some small cases, a clone all of them (test/golden).

Examples:
  svg-t2i selftest
  svg-t2i selftest --cases test/golden --device cuda
  svg-t2i selftest --cases test/golden/tokenizer --json
`;

export function selftestCommand(): Command {
  return new Command('selftest')
    .description('run golden cases and print the largest error of each against its tolerance')
    .option('--cases <dir>', 'a folder of cases, or one case (default: those of the package)')
    .option('--json', 'print one JSON object')
    .option('--device <name>', 'cpu, cuda or cuda:N', 'cpu')
    .option('--threads <n>', 'CPU threads', (text) => parseInteger('--threads', text, { least: 1 }))
    .addHelpText('after', EXAMPLES)
    .action(async (flags: SelftestFlags) => {
      const report = await run(flags);
      if (flags.json === true) printJson(report);
      else printReport(report);
      process.exitCode = report.failed > 0 ? EXIT_CODES.failure : EXIT_CODES.ok;
    });
}

async function run(flags: SelftestFlags): Promise<SelftestReport> {
  const { createPipelineRunner } = await import('../../selftest/modules/pipeline.js');
  const { runSelftest } = await import('../../selftest/run.js');
  using interrupt = listenForInterrupt();
  const { signal } = interrupt;
  const { device } = flags;
  const threads = flags.threads === undefined ? {} : { threads: flags.threads };
  // Only cases of the engine's modules need the addon: without it the others still run.
  let engine: Promise<Engine> | undefined;
  try {
    // A GPU that is not there ends the command, not one case after the other.
    if (device !== 'cpu') {
      engine = createEngine({ device, ...threads });
      await engine;
    }
    return await runSelftest(flags.cases ?? PACKAGED_CASES, {
      signal,
      runInEngine: async (folder) => {
        engine ??= createEngine({ device, ...threads });
        return (await (await engine).run('golden', { folder }, { signal })).value;
      },
      runPipeline: createPipelineRunner(async (release) => {
        const { SvgT2I } = await import('../../pipeline.js');
        return SvgT2I.load({ ...release, ...threads, device, dtype: 'fp32' });
      }),
      onCase: ({ name, status }) => {
        if (process.stderr.isTTY) note(`${status}  ${name}`);
      },
    });
  } finally {
    await engine?.then(
      (created) => created.dispose(),
      // An engine that could not be made has failed its cases already.
      () => undefined,
    );
  }
}

async function createEngine(options: EngineOptions): Promise<Engine> {
  const { Engine } = await import('../../engine.js');
  return Engine.create(options);
}

function printReport(report: SelftestReport): void {
  printLine(formatTable(CASE_COLUMNS, report.cases.map(caseRow)));
  printLine();
  for (const message of caseMessages(report)) printLine(message);
  printLine(summary(report));
}
