/** libtorch and the addon: found, of one version, and loadable. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { firstLine, SvgT2IError } from '../errors.js';
import { detectDriver } from '../install/cuda.js';
import { findLibtorch } from '../install/locate.js';
import { type AddonFiles, chooseLibtorch, findAddon } from '../native/load.js';
import { type Finding, fail, ok, warn } from './finding.js';
import { kernelFindings } from './kernels.js';
import type { Probed } from './probe.js';

function asFailure(name: string, error: unknown, fix: string): Finding {
  const hint = SvgT2IError.isInstance(error) ? error.hint : undefined;
  return fail(name, firstLine(error), hint ?? fix);
}

function checkLibtorch(addon: AddonFiles | undefined): Finding {
  try {
    const libtorch = addon === undefined ? findLibtorch() : chooseLibtorch(addon.build);
    if (libtorch === undefined) return fail('libtorch', 'not found', 'Run `npx svg-t2i install`.');
    const detail = `${libtorch.version} (${libtorch.flavour}) in ${libtorch.dir}`;
    if (libtorch.flavour === 'cpu' && detectDriver() !== undefined) {
      return warn(
        'libtorch',
        `${detail}; there is a GPU`,
        'Run `npx svg-t2i install --cuda auto`, then `npx svg-t2i build`.',
      );
    }
    return ok('libtorch', detail);
  } catch (error) {
    return asFailure('libtorch', error, 'Run `npx svg-t2i install`.');
  }
}

/** Loads the addon in a process of its own, so that a crash is a finding and not the end of the doctor. */
function probeAddon(addon: AddonFiles): readonly Finding[] {
  const probe = fileURLToPath(new URL('./probe.js', import.meta.url));
  const result = spawnSync(process.execPath, [probe], { encoding: 'utf8', timeout: 60_000 });
  if (result.status === 0) return probeFindings(JSON.parse(result.stdout) as Probed, addon.addon);
  const fix = 'Run `npx svg-t2i build` to build it anew; if that does not help, report it with this output.';
  const cause =
    result.signal === null
      ? (result.stderr.trim().split('\n')[0] ?? '')
      : `the process died of ${result.signal}`;
  return [fail('addon', `${addon.addon} does not load: ${cause}`, fix)];
}

/** Of an addon that was loaded. */
export function probeFindings({ info, kernels, kernelFailure }: Probed, addon: string): readonly Finding[] {
  const { torch, cpuCapability, cudaBuild, cudaDevices } = info;
  const cuda = cudaBuild ? `CUDA build, ${cudaDevices} GPU(s)` : 'CPU build';
  return [
    ok('addon', `loads with libtorch ${torch}, ${cpuCapability}, ${cuda} (${addon})`),
    ...(kernels === undefined ? [] : kernelFindings(kernels)),
    ...(kernelFailure === undefined
      ? []
      : [warn('kernels', kernelFailure, 'Pass --device cpu until the GPU can be used.')]),
  ];
}

export function checkNative(): readonly Finding[] {
  let addon: AddonFiles;
  try {
    addon = findAddon();
  } catch (error) {
    return [checkLibtorch(undefined), asFailure('addon', error, 'Run `npx svg-t2i build`.')];
  }
  const libtorch = checkLibtorch(addon);
  // Without libtorch it cannot load, and the reason has been given.
  if (libtorch.status === 'fail') return [libtorch];
  return [libtorch, ...probeAddon(addon)];
}
