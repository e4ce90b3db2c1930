/** libtorch and the addon: found, of one version, and loadable. */
import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { firstLine, SvgT2IError, systemErrorCode } from '../errors.js';
import { detectDriver, flavourForDriver } from '../install/cuda.js';
import { findLibtorch } from '../install/locate.js';
import { type AddonFiles, findAddons } from '../native/addons.js';
import type { RuntimeInfo } from '../native/binding.js';
import { chooseNative, type NativePair } from '../native/choose.js';
import { type Finding, fail, ok, warn } from './finding.js';
import { kernelFindings } from './kernels.js';
import { precisionFinding } from './precision.js';
import type { ProbedKernels } from './probe.js';

function asFailure(name: string, error: unknown, fix: string): Finding {
  const hint = SvgT2IError.isInstance(error) ? error.hint : undefined;
  return fail(name, firstLine(error), hint ?? fix);
}

/** Where there is no addon that says which libtorch it needs. */
function libtorchAlone(): Finding {
  try {
    const libtorch = findLibtorch();
    if (libtorch === undefined) return fail('libtorch', 'not found', 'Run `npx svg-t2i install`.');
    return ok('libtorch', `${libtorch.version} (${libtorch.flavour}) in ${libtorch.dir}`);
  } catch (error) {
    return asFailure('libtorch', error, 'Run `npx svg-t2i install`.');
  }
}

/**
 * Whether a GPU is used, and with its fused kernels.
 *
 * @param gpu flavour of libtorch that the driver runs; undefined without a driver
 */
export function libtorchFinding(
  { files: { build }, libtorch }: NativePair,
  prebuilt: readonly string[],
  gpu: string | undefined,
): Finding {
  const detail = `${libtorch.version} (${libtorch.flavour}) in ${libtorch.dir}`;
  if (gpu === undefined || gpu === 'cpu') return ok('libtorch', detail);
  const needsBuild = prebuilt.includes(gpu) ? '' : ', then `npx svg-t2i build`';
  if (libtorch.flavour === 'cpu') {
    const fix = `Run \`npx svg-t2i install --cuda auto\`${needsBuild}.`;
    return warn('libtorch', `${detail}; there is a GPU`, fix);
  }
  if (build.flavour !== 'cpu') return ok('libtorch', detail);
  return warn(
    'libtorch',
    `${detail}; the addon was built for a CPU, so that the GPU has no fused kernels`,
    needsBuild === ''
      ? `Run \`npx svg-t2i install --cuda ${gpu}\`.`
      : 'Run `npx svg-t2i build`, or update the driver to 580 or newer.',
  );
}

const LIMIT_MS = 120_000;
const CPU_FIX = 'Pass --device cpu until the GPU can be used.';

/**
 * Loads the addon in a process of its own, so that a crash is a finding and not the end of the doctor.
 *
 * @param probe the script that does it (probe.ts)
 */
export function probeAddon(
  addon: string,
  probe = fileURLToPath(new URL('./probe.js', import.meta.url)),
  limit = LIMIT_MS,
): readonly Finding[] {
  // Not to be put off by a process that hangs in a driver.
  const options = { encoding: 'utf8', timeout: limit, killSignal: 'SIGKILL' } as const;
  // The loader leaves functions to be found when they are called: here all are.
  const env = { ...process.env, LD_BIND_NOW: '1' };
  const result = spawnSync(process.execPath, [probe], { ...options, env });
  const [info, kernels] = result.stdout.split('\n').slice(0, -1);
  const fix = 'Run `npx svg-t2i build` to build it anew; if that does not help, report it with this output.';
  const cause = endOf(result, limit);
  if (info === undefined) return [fail('addon', `${addon} does not load: ${cause}`, fix)];
  const runtime = JSON.parse(info) as RuntimeInfo;
  return [
    addonFinding(runtime, addon),
    precisionFinding(runtime),
    ...(kernels === undefined
      ? [warn('kernels', `they could not be tried to the end: ${cause}`, CPU_FIX)]
      : probedKernels(JSON.parse(kernels) as ProbedKernels)),
    ...(kernels === undefined || result.status === 0
      ? []
      : [warn('addon', `it does not end as it should: ${cause}`, fix)]),
  ];
}

/** How a process ended that did not succeed. */
function endOf({ error, signal, stderr }: SpawnSyncReturns<string>, limit: number): string {
  if (systemErrorCode(error) === 'ETIMEDOUT') return `the process took longer than ${limit / 1000} s`;
  if (signal !== null) return `the process died of ${signal}`;
  return stderr.trim().split('\n')[0] ?? '';
}

function addonFinding({ torch, cpuCapability, cudaBuild, cudaDevices }: RuntimeInfo, addon: string): Finding {
  const cuda = cudaBuild ? `CUDA build, ${cudaDevices} GPU(s)` : 'CPU build';
  return ok('addon', `loads with libtorch ${torch}, ${cpuCapability}, ${cuda} (${addon})`);
}

function probedKernels({ report, failure }: ProbedKernels): readonly Finding[] {
  if (failure !== undefined) return [warn('kernels', failure, CPU_FIX)];
  return report === undefined ? [] : kernelFindings(report);
}

export function checkNative(): readonly Finding[] {
  let addons: readonly [AddonFiles, ...AddonFiles[]];
  try {
    addons = findAddons();
  } catch (error) {
    return [libtorchAlone(), asFailure('addon', error, 'Run `npx svg-t2i build`.')];
  }
  let pair: NativePair;
  try {
    pair = chooseNative(addons);
  } catch (error) {
    // Without libtorch the addon cannot load, and the reason is given.
    return [asFailure('libtorch', error, 'Run `npx svg-t2i install`.')];
  }
  const driver = detectDriver();
  const gpu = driver === undefined ? undefined : flavourForDriver(driver);
  const prebuilt = addons.map(({ build }) => build.flavour);
  return [libtorchFinding(pair, prebuilt, gpu), ...probeAddon(pair.files.addon)];
}
