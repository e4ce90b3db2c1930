/** Which addon runs on which libtorch: both are chosen together, by what is there. */
import { existsSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { SvgT2IError } from '../errors.js';
import type { BuildInfo } from '../install/build-info.js';
import { detectDriver } from '../install/cuda.js';
import { inspectLibtorch, type Libtorch } from '../install/libtorch.js';
import { cachedLibtorchs, findLibtorch } from '../install/locate.js';
import type { Environment } from '../install/paths.js';
import { torchMinor } from '../install/torch-version.js';
import type { AddonFiles } from './addons.js';

/** An addon and the libtorch to open before it. */
export interface NativePair {
  readonly files: AddonFiles;
  readonly libtorch: Libtorch;
}

/**
 * The addon that was built for a libtorch that is there, in the search order: a named libtorch is the only one, then comes
 * the one that an addon was built against, then any of the same minor version. An addon for a CPU runs on a libtorch for
 * CUDA as well, without fused kernels, where there is no closer one. Without an NVIDIA driver the CPU's pair goes first:
 * CUDA's libraries are gigabytes to open.
 *
 * @throws SvgT2IError ERR_SVGT2I_LIBTORCH_MISSING or ERR_SVGT2I_TORCH_VERSION, with all that was found
 */
export function chooseNative(
  addons: readonly [AddonFiles, ...AddonFiles[]],
  env: Environment = process.env,
  hasDriver: () => boolean = () => detectDriver() !== undefined,
): NativePair {
  const found = foundLibtorchs(addons, env);
  const pairs = found.flatMap((libtorch) =>
    addons.filter(({ build }) => canRunOn(build, libtorch)).map((files) => ({ files, libtorch })),
  );
  const exact = pairs.filter(({ files: { build }, libtorch }) => build.flavour === libtorch.flavour);
  const onCpu = exact.find(({ libtorch }) => libtorch.flavour === 'cpu');
  const isAmbiguous = onCpu !== undefined && onCpu !== exact[0];
  const chosen =
    (isAmbiguous && !hasDriver() ? onCpu : exact[0]) ??
    pairs.find(({ files: { build } }) => build.flavour === 'cpu') ??
    pairs[0];
  if (chosen !== undefined) return chosen;
  throw noneFits(addons, found);
}

/** The C++ interface changes with every minor version. */
function canRunOn(build: BuildInfo, { version, flavour }: Libtorch): boolean {
  return torchMinor(version) === torchMinor(build.torch) && (build.flavour === 'cpu' || flavour !== 'cpu');
}

/** All that may be used, each once, the first choice first. One that is named by a variable is the only one. */
function foundLibtorchs(addons: readonly AddonFiles[], env: Environment): readonly Libtorch[] {
  const first = findLibtorch({ env });
  if (first !== undefined && first.source !== 'cache' && first.source !== 'python') return [first];
  const builtAgainst = addons.flatMap(({ build: { libtorch } }) =>
    libtorch !== undefined && existsSync(join(libtorch, 'lib/libtorch.so'))
      ? [inspectLibtorch(libtorch)]
      : [],
  );
  const all = [...builtAgainst, ...cachedLibtorchs(env), ...(first === undefined ? [] : [first])];
  const seen = new Set<string>();
  return all.filter(({ dir }) => {
    const real = realpathSync(dir);
    return seen.has(real) ? false : seen.add(real);
  });
}

function noneFits(addons: readonly [AddonFiles, ...AddonFiles[]], found: readonly Libtorch[]): SvgT2IError {
  const [{ build }] = addons;
  const describe = ({ version, flavour, dir }: Libtorch) => `libtorch ${version} (${flavour}) in ${dir}`;
  const list = found.map(describe).join(', ') || 'none';
  const flavours = addons.map((addon) => addon.build.flavour).join(' or ');
  return new SvgT2IError(
    found.length === 0 ? 'ERR_SVGT2I_LIBTORCH_MISSING' : 'ERR_SVGT2I_TORCH_VERSION',
    `no fitting libtorch. Found: ${list}. Requires: libtorch ${torchMinor(build.torch)} (${flavours})`,
    {
      hint: `Run \`npx svg-t2i install --torch ${build.torch}\`, or \`npx svg-t2i build\` to build the addon for the one found.`,
    },
  );
}
