/** Loads the addon: libtorch first, by absolute path, then the .node file that needs it. */
import { existsSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { firstLine, SvgT2IError } from '../errors.js';
import { checkWorkingFolder } from '../files.js';
import { BUILD_INFO_FILE, type BuildInfo, readBuildInfo } from '../install/build-info.js';
import { inspectLibtorch, type Libtorch, librariesToOpen } from '../install/libtorch.js';
import { cachedLibtorchs, findLibtorch } from '../install/locate.js';
import { type Environment, PACKAGE_ROOT } from '../install/paths.js';
import { torchMinor } from '../install/torch-version.js';

import type { NativeBinding } from './binding.js';
import { loadHint } from './load-error.js';

const require = createRequire(import.meta.url);

export interface AddonFiles {
  /** The main addon. */
  readonly addon: string;
  /** Holds the loader addon and the build's description. */
  readonly loaderFolder: string;
  readonly build: BuildInfo;
}

/** The addon that would be loaded: build/Release, then prebuilds/; `SVG_T2I_PREBUILD` names another package folder. */
export function findAddon(): AddonFiles {
  const addon = addonPath();
  // build/Release/x.node -> build/loader; prebuilds/linux-x64/x.node -> prebuilds/linux-x64/loader.
  const folders = [join(dirname(addon), 'loader'), join(dirname(addon), '../loader')];
  const loaderFolder = folders.find((folder) => existsSync(join(folder, BUILD_INFO_FILE)));
  if (loaderFolder === undefined) {
    throw addonMissing(`${addon} comes without its loader (${folders.join(' or ')})`);
  }
  return { addon, loaderFolder, build: readBuildInfo(loaderFolder) };
}

function addonPath(): string {
  const nodeGypBuild = require('node-gyp-build') as { readonly path: (dir: string) => string };
  try {
    return nodeGypBuild.path(PACKAGE_ROOT);
  } catch (error) {
    throw addonMissing(`no native addon for ${process.platform}-${process.arch} in ${PACKAGE_ROOT}`, error);
  }
}

function addonMissing(message: string, cause?: unknown): SvgT2IError {
  return new SvgT2IError('ERR_SVGT2I_ADDON_MISSING', message, {
    hint: 'Run `npx svg-t2i install`, then `npx svg-t2i build` (in a clone: `npm run setup`).',
    cause,
  });
}

/**
 * The libtorch to run on: a named one, the one that the addon was built against, or any in the search order of the
 * same minor version. Throws ERR_SVGT2I_LIBTORCH_MISSING or ERR_SVGT2I_TORCH_VERSION with all that was found.
 */
export function chooseLibtorch(build: BuildInfo, env: Environment = process.env): Libtorch {
  const minor = torchMinor(build.torch);
  const found = foundLibtorchs(build, env);
  const fitting = found.filter(({ version }) => torchMinor(version) === minor);
  const chosen = fitting.find(({ flavour }) => flavour === build.flavour) ?? fitting[0];
  if (chosen !== undefined) return chosen;
  const list = found.map(({ version, dir }) => `libtorch ${version} in ${dir}`).join(', ') || 'none';
  throw new SvgT2IError(
    found.length === 0 ? 'ERR_SVGT2I_LIBTORCH_MISSING' : 'ERR_SVGT2I_TORCH_VERSION',
    `no fitting libtorch. Found: ${list}. Requires: libtorch ${minor} (${build.flavour})`,
    {
      hint: `Run \`npx svg-t2i install --torch ${build.torch}\`, or \`npx svg-t2i build\` to build the addon for the one found.`,
    },
  );
}

/** All that may be used, each once, the first choice first. One that is named by a variable is the only one. */
function foundLibtorchs(build: BuildInfo, env: Environment): readonly Libtorch[] {
  const first = findLibtorch({ env });
  if (first !== undefined && first.source !== 'cache' && first.source !== 'python') return [first];
  const folder = build.libtorch;
  const builtAgainst =
    folder !== undefined && existsSync(join(folder, 'lib/libtorch.so')) ? [inspectLibtorch(folder)] : [];
  const all = [...builtAgainst, ...cachedLibtorchs(env), ...(first === undefined ? [] : [first])];
  const seen = new Set<string>();
  return all.filter(({ dir }) => {
    const real = realpathSync(dir);
    return seen.has(real) ? false : seen.add(real);
  });
}

interface Loader {
  open(paths: readonly string[]): void;
  openAsync?(paths: readonly string[]): Promise<void>;
}

interface Plan {
  readonly files: AddonFiles;
  readonly libtorch: Libtorch;
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

function planLoad(): Plan {
  checkWorkingFolder(); // MKL would end the process
  const files = findAddon();
  return { files, libtorch: chooseLibtorch(files.build) };
}

function requireLoader({ files }: Plan): Loader {
  return require(join(files.loaderFolder, 'svg-t2i-loader.node')) as Loader;
}

function requireAddon({ files }: Plan): NativeBinding {
  binding = require(files.addon) as NativeBinding;
  return binding;
}

function loadError({ files: { addon, build }, libtorch }: Plan, error: unknown): SvgT2IError {
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
