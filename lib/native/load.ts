/** Loads the addon: libtorch first, by absolute path, then the .node file that needs it. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { firstLine, SvgT2IError } from '../errors.js';
import { checkWorkingFolder } from '../files.js';
import { librariesToOpen } from '../install/libtorch.js';
import { findAddons } from './addons.js';
import type { NativeBinding } from './binding.js';
import { chooseNative, type NativePair } from './choose.js';
import { loadHint } from './load-error.js';

const require = createRequire(import.meta.url);

interface Loader {
  open(paths: readonly string[]): void;
  openAsync?(paths: readonly string[]): Promise<void>;
}

let binding: NativeBinding | undefined;
let opening: Promise<NativeBinding> | undefined;

/** The addon, loaded once in each thread. The first time holds the thread for half a second and more. */
export function loadNative(): NativeBinding {
  if (binding !== undefined) return binding;
  const plan = planLoad();
  try {
    requireLoader(plan).open(librariesToOpen(plan.libtorch));
    return requireAddon(plan);
  } catch (error) {
    throw loadError(plan, error);
  }
}

/** The same; libtorch is opened on another thread, so that the event loop goes on. */
export function openNative(): Promise<NativeBinding> {
  if (binding !== undefined) return Promise.resolve(binding);
  opening ??= open().finally(() => {
    opening = undefined; // a failure may have been mended until the next call
  });
  return opening;
}

async function open(): Promise<NativeBinding> {
  const plan = planLoad();
  try {
    const loader = requireLoader(plan);
    // A loader that was built before it could do so opens them here.
    if (loader.openAsync === undefined) loader.open(librariesToOpen(plan.libtorch));
    else await loader.openAsync(librariesToOpen(plan.libtorch));
    return requireAddon(plan);
  } catch (error) {
    throw loadError(plan, error);
  }
}

function planLoad(): NativePair {
  checkWorkingFolder(); // MKL would end the process
  return chooseNative(findAddons());
}

function requireLoader({ files }: NativePair): Loader {
  return require(join(files.loaderFolder, 'svg-t2i-loader.node')) as Loader;
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
