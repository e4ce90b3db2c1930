/** `svg-t2i install`: finds or fetches libtorch. Never part of `npm install`. */
import { Command } from 'commander';
import type { InstallOptions } from '../../install/install.js';
import { note, printJson, printLine } from '../output.js';
import { listenForInterrupt } from '../signals.js';

interface InstallFlags {
  readonly libtorch?: string;
  readonly fromPython?: string | true;
  readonly cuda?: string;
  readonly torch?: string;
  readonly file?: string;
  readonly url?: string;
  readonly sha256?: string;
  readonly force?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

const EXAMPLES = `
Searched in this order: --libtorch, SVG_T2I_LIBTORCH, LIBTORCH, the cache (SVG_T2I_HOME, or svg-t2i in
XDG_CACHE_HOME), the torch of a Python (LIBTORCH_USE_PYTORCH=1). Where none is found it is fetched: the official
archive, or else the torch wheel through pip with pip's own configuration.

Examples:
  svg-t2i install
  svg-t2i install --cuda cu128
  svg-t2i install --from-python venv/bin/python
  svg-t2i install --file libtorch-shared-with-deps-2.13.0+cpu.zip --sha256 0123...
`;

export function installCommand(): Command {
  return new Command('install')
    .description('find libtorch, or fetch it into the cache')
    .option('--libtorch <dir>', 'use this folder of libtorch')
    .option('--from-python [python]', 'use the torch of a Python (python3 where none is named)')
    .option('--cuda <flavour>', 'auto (by the driver), cpu, cu126, cu128 or cu130')
    .option('--torch <version>', 'version to fetch')
    .option('--file <archive>', 'unpack this archive: official libtorch zip or torch wheel')
    .option('--url <address>', 'fetch this archive')
    .option('--sha256 <hash>', 'refuse an archive with another hash (with --file or --url)')
    .option('--force', 'fetch even where libtorch is there')
    .option(
      '--dry-run',
      'only say what would be done: asks the servers, fetches nothing but what pip needs to know a wheel',
    )
    .option('--json', 'print one JSON object')
    .addHelpText('after', EXAMPLES)
    .action(async (flags: InstallFlags) => {
      const result = flags.dryRun === true ? await plan(flags) : await install(flags);
      if (flags.json === true) printJson(result);
      else for (const [key, value] of Object.entries(result)) printLine(`${key}: ${String(value)}`);
    });
}

async function plan(flags: InstallFlags): Promise<object> {
  const { planInstall } = await import('../../install/install.js');
  const { progressPrinter } = await import('../../install/progress.js');
  using interrupt = listenForInterrupt();
  return await planInstall({ ...flags, signal: interrupt.signal, onProgress: progressPrinter(note) });
}

async function install(flags: InstallFlags): Promise<object> {
  const { adoptLibtorch, ensureLibtorch } = await import('../../install/install.js');
  const { progressPrinter } = await import('../../install/progress.js');
  using interrupt = listenForInterrupt();
  const options: InstallOptions = { ...flags, signal: interrupt.signal, onProgress: progressPrinter(note) };
  const libtorch = await ensureLibtorch(options);
  // Named for this installation, so that later commands find it without being told again.
  if (libtorch.source === '--libtorch' || libtorch.source === 'python') await adoptLibtorch(libtorch);
  return libtorch;
}
