/** Loads the addon: libtorch first, by absolute path, then the .node file that needs it. */
import { createRequire } from 'node:module';
import { clearInterval, setInterval } from 'node:timers'; // a realm of node:vm has none of its own
import { firstLine, SvgT2IError } from '../errors.js';
import { checkWorkingFolder } from '../files.js';
import { librariesToOpen } from '../install/libtorch.js';
import { findAddons } from './addons.js';
import type { NativeBinding } from './binding.js';
import { chooseNative, type NativePair } from './choose.js';
import { loadHint } from './load-error.js';
import { requireLoader } from './loader.js';

const require = createRequire(import.meta.url);

/** Some days: longer than anything is opened. */
const LONG_MS = 2 ** 30;

let binding: NativeBinding | undefined;
let opening: Promise<NativeBinding> | undefined;

/** The addon, loaded once in each thread. The first time holds the thread for half a second and more. */
export function loadNative(): NativeBinding {
  if (binding !== undefined) return binding;
  const plan = planLoad();
  try {
    requireLoader(plan.files.loaderFolder).open(librariesToOpen(plan.libtorch));
    return requireAddon(plan);
  } catch (error) {
    throw loadError(plan, error);
  }
}

/** The same; libtorch is opened on another thread, so that the event loop goes on. */
export async function openNative(): Promise<NativeBinding> {
  const staying = setInterval(() => undefined, LONG_MS);
  try {
    return binding ?? (await beginning());
  } finally {
    clearInterval(staying);
  }
}

/**
 * Begins to open libtorch: who needs the addon later finds it open, or is told then what is wrong. Nothing waits for it: a
 * process may end meanwhile.
 */
export function beginToOpenNative(): void {
  beginning().catch(() => undefined);
}

function beginning(): Promise<NativeBinding> {
  opening ??= open().finally(() => {
    opening = undefined; // a failure may have been mended until the next call
  });
  return opening;
}

async function open(): Promise<NativeBinding> {
  const plan = planLoad();
  try {
    await requireLoader(plan.files.loaderFolder).openAsync(librariesToOpen(plan.libtorch));
    return requireAddon(plan);
  } catch (error) {
    throw loadError(plan, error);
  }
}

function planLoad(): NativePair {
  checkWorkingFolder(); // MKL would end the process
  return chooseNative(findAddons());
}

function requireAddon({ files }: NativePair): NativeBinding {
  binding = require(files.addon) as NativeBinding;
  return binding;
}

function loadError({ files: { addon, build }, libtorch }: NativePair, error: unknown): SvgT2IError {
  return new SvgT2IError(
    'ERR_SVGT2I_ADDON_MISSING',
    `the native addon does not load: ${firstLine(error)}. Found: ${addon} with libtorch ${libtorch.version} ` +
      `(${libtorch.flavour}) in ${libtorch.dir}. Requires: libtorch ${build.torch} (${build.flavour})`,
    {
      hint: loadHint(firstLine(error)),
      cause: error,
    },
  );
}
