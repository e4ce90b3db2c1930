/** `svg-t2i build`: the addon from source. */
import { Command, Option } from 'commander';
import { note, printJson, printLine } from '../output.js';
import { listenForInterrupt } from '../signals.js';

interface BuildFlags {
  readonly libtorch?: string;
  readonly cuda: 'auto' | 'on' | 'off';
  readonly tests?: boolean;
  readonly force?: boolean;
  readonly jobs?: number;
  readonly json?: boolean;
}

export function buildCommand(): Command {
  return new Command('build')
    .description('build the addon from source (CMake 3.22, a C++20 compiler)')
    .option('--libtorch <dir>', 'build for this libtorch; otherwise as `svg-t2i install` finds it')
    .addOption(new Option('--cuda <mode>', 'CUDA kernels').choices(['auto', 'on', 'off']).default('auto'))
    .option('--tests', 'build the native tests too')
    .option('--force', 'build even where nothing has changed')
    .option(
      '--jobs <n>',
      'compile so many files at once (else CMAKE_BUILD_PARALLEL_LEVEL, or what processor and memory bear)',
      Number,
    )
    .option('--json', 'print one JSON object')
    .action(async (flags: BuildFlags) => {
      const { buildAddon } = await import('../../install/build.js');
      const { buildJobs } = await import('../../install/jobs.js');
      const { ensureLibtorch } = await import('../../install/install.js');
      const { progressPrinter } = await import('../../install/progress.js');
      const { cuda, tests = false, force = false, jobs } = flags;
      buildJobs(jobs);
      using interrupt = listenForInterrupt();
      const { signal } = interrupt;
      const onProgress = progressPrinter(note);
      const libtorch = await ensureLibtorch({ libtorch: flags.libtorch, signal, onProgress });
      const result = await buildAddon({ libtorch, cuda, tests, force, jobs, signal, log: note });
      if (flags.json === true) printJson(result);
      else printLine(result.built ? `built in ${result.seconds.toFixed(0)} s` : 'up to date');
    });
}
