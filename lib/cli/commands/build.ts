/** `svg-t2i build`: the addon from source. */
import { Command, Option } from 'commander';
import { note, printJson, printLine } from '../output.js';

interface BuildFlags {
  readonly libtorch?: string;
  readonly cuda: 'auto' | 'on' | 'off';
  readonly tests?: boolean;
  readonly force?: boolean;
  readonly json?: boolean;
}

export function buildCommand(): Command {
  return new Command('build')
    .description('build the addon from source (CMake 3.22, a C++20 compiler)')
    .option('--libtorch <dir>', 'build for this libtorch; otherwise as `svg-t2i install` finds it')
    .addOption(new Option('--cuda <mode>', 'CUDA kernels').choices(['auto', 'on', 'off']).default('auto'))
    .option('--tests', 'build the native tests too')
    .option('--force', 'build even where nothing has changed')
    .option('--json', 'print one JSON object')
    .action(async (flags: BuildFlags) => {
      const { buildAddon } = await import('../../install/build.js');
      const { ensureLibtorch } = await import('../../install/install.js');
      const { progressPrinter } = await import('../../install/progress.js');
      const { cuda, tests = false, force = false } = flags;
      const libtorch = await ensureLibtorch({ libtorch: flags.libtorch, onProgress: progressPrinter(note) });
      const result = await buildAddon({ libtorch, cuda, tests, force, log: note });
      if (flags.json === true) printJson(result);
      else printLine(result.built ? `built in ${result.seconds.toFixed(0)} s` : 'up to date');
    });
}
