/** Which addons are there: one that was built here, or those of the package, for a CPU and for CUDA. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { SvgT2IError } from '../errors.js';
import { BUILD_INFO_FILE, type BuildInfo, readBuildInfo } from '../install/build-info.js';
import { PACKAGE_ROOT } from '../install/paths.js';

const require = createRequire(import.meta.url);

export interface AddonFiles {
  /** The main addon. */
  readonly addon: string;
  /** Holds the loader addon and the build's description. */
  readonly loaderFolder: string;
  readonly build: BuildInfo;
}

/**
 * The CUDA that the package has an addon for beside the one for a CPU. node-gyp-build knows no tag for CUDA, so that addon
 * lies in a folder of this name beside the CPU's, laid out as a package of its own.
 */
export const PREBUILT_CUDA = 'cu130';

/**
 * The addons that may be loaded, at least one: the one of build/Release alone, or those of prebuilds/, the CPU's first.
 * `SVG_T2I_PREBUILD` names another package folder.
 *
 * @throws SvgT2IError ERR_SVGT2I_ADDON_MISSING
 */
export function findAddons(): readonly [AddonFiles, ...AddonFiles[]] {
  const first = describeAddon(addonBelow(PACKAGE_ROOT));
  // build/Release/x.node was built here; prebuilds/linux-x64/x.node is one of the package.
  const folder = dirname(dirname(first.addon));
  const cuda = join(folder, PREBUILT_CUDA);
  if (basename(folder) !== 'prebuilds' || !existsSync(cuda)) return [first];
  return [first, describeAddon(addonBelow(cuda))];
}

function addonBelow(folder: string): string {
  const nodeGypBuild = require('node-gyp-build') as { readonly path: (dir: string) => string };
  try {
    return nodeGypBuild.path(folder);
  } catch (error) {
    throw addonMissing(`no native addon for ${process.platform}-${process.arch} in ${folder}`, error);
  }
}

function describeAddon(addon: string): AddonFiles {
  // build/Release/x.node -> build/loader; prebuilds/linux-x64/x.node -> prebuilds/linux-x64/loader.
  const folders = [join(dirname(addon), 'loader'), join(dirname(addon), '../loader')];
  const loaderFolder = folders.find((folder) => existsSync(join(folder, BUILD_INFO_FILE)));
  if (loaderFolder === undefined) {
    throw addonMissing(`${addon} comes without its loader (${folders.join(' or ')})`);
  }
  return { addon, loaderFolder, build: readBuildInfo(loaderFolder) };
}

function addonMissing(message: string, cause?: unknown): SvgT2IError {
  return new SvgT2IError('ERR_SVGT2I_ADDON_MISSING', message, {
    hint: 'Run `npx svg-t2i install`, then `npx svg-t2i build` (in a clone: `npm run setup`).',
    cause,
  });
}
