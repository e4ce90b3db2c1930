/** Which build of libtorch suits the machine: by the version of the NVIDIA driver. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { SvgT2IError } from '../errors.js';

export const FLAVOURS = ['cpu', 'cu126', 'cu128', 'cu130'] as const;
export type Flavour = (typeof FLAVOURS)[number];

// Oldest driver that runs each CUDA: CUDA 12 promises minor-version compatibility from 525 on, but kernels that
// must be compiled at run time need the driver of their own CUDA.
const OLDEST_DRIVER: readonly (readonly [Flavour, number])[] = [
  ['cu130', 580],
  ['cu128', 570],
  ['cu126', 525],
];

export interface Driver {
  /** As in "580.65.06"; undefined where only the library was seen. */
  readonly version: string | undefined;
}

const DRIVER_FILE = '/proc/driver/nvidia/version';
const DRIVER_LIBRARIES = [
  '/usr/lib/x86_64-linux-gnu/libcuda.so.1',
  '/usr/lib64/libcuda.so.1',
  '/usr/lib/wsl/lib/libcuda.so.1',
  '/usr/local/nvidia/lib64/libcuda.so.1',
] as const;

/** "NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.65.06  ..." */
export function parseDriverFile(text: string): string | undefined {
  return /Kernel Module.*?\s(\d+\.\d+(?:\.\d+)?)\s/.exec(text)?.[1];
}

export function detectDriver(): Driver | undefined {
  if (existsSync(DRIVER_FILE)) return { version: parseDriverFile(readFileSync(DRIVER_FILE, 'utf8')) };
  // Under WSL and in some containers there is no such file.
  const smi = spawnSync('nvidia-smi', ['--query-gpu=driver_version', '--format=csv,noheader'], {
    encoding: 'utf8',
    timeout: 10_000,
  });
  const version = /^\d+\.\d+(\.\d+)?/.exec(smi.stdout ?? '')?.[0];
  if (smi.status === 0 && version !== undefined) return { version };
  return DRIVER_LIBRARIES.some(existsSync) ? { version: undefined } : undefined;
}

/** The newest CUDA that the driver runs; the CPU build where there is no driver or an older one. */
export function flavourForDriver(driver: Driver | undefined): Flavour {
  if (driver === undefined) return 'cpu';
  if (driver.version === undefined) return 'cu126';
  const major = Number.parseInt(driver.version, 10);
  return OLDEST_DRIVER.find(([, oldest]) => major >= oldest)?.[0] ?? 'cpu';
}

/** Reads `--cuda`. */
export function parseFlavour(text: string, driver: () => Driver | undefined = detectDriver): Flavour {
  if (text === 'auto') return flavourForDriver(driver());
  const flavour = FLAVOURS.find((name) => name === text);
  if (flavour !== undefined) return flavour;
  throw new SvgT2IError('ERR_SVGT2I_USAGE', `--cuda ${text} is none of auto, ${FLAVOURS.join(', ')}`);
}
