/** Whether the GPU's kernels agree with the plain operations on this machine. */
import type { Engine } from '../engine.js';
import { type Finding, ok, warn } from './finding.js';

export interface KernelReport {
  /** How many were run. */
  readonly operations: number;
  /** What the engine warned of. */
  readonly faults: readonly string[];
}

/** Has the engine try those of drawing; it tells of wrong ones by warnings of the process. */
export async function tryKernels(engine: Pick<Engine, 'run'>): Promise<KernelReport> {
  const faults: string[] = [];
  const listen = (warning: Error) => {
    if ('code' in warning && warning.code === 'SVGT2I_KERNEL') faults.push(warning.message);
  };
  process.on('warning', listen);
  try {
    const { value } = await engine.run('check-kernels', {});
    // Warnings come one turn after they are raised.
    await new Promise((resolve) => setImmediate(resolve));
    return { operations: value.operations, faults };
  } finally {
    process.off('warning', listen);
  }
}

export function kernelFindings({ operations, faults }: KernelReport): readonly Finding[] {
  if (faults.length === 0) return [ok('kernels', `${operations} fused operations agree with the plain ones`)];
  const fix = 'It draws and trains all the same. Please report this with the output of `svg-t2i info`.';
  return faults.map((fault) => warn('kernels', fault, fix));
}
