/**
 * Run by the doctor in a child process: loads the addon, then tries the kernels of a GPU where there is one. What was learnt
 * of either is a line of JSON as soon as it is known, so that trying the kernels takes nothing back.
 */
import { writeSync } from 'node:fs';
import { Engine } from '../engine.js';
import { firstLine } from '../errors.js';
import type { RuntimeInfo } from '../native/binding.js';
import { loadNative } from '../native/load.js';
import { type KernelReport, tryKernels } from './kernels.js';

/** The second line; the first one is a RuntimeInfo. */
export interface ProbedKernels {
  /** Undefined without a GPU, or where none could be used: `failure` then says why. */
  readonly report?: KernelReport | undefined;
  readonly failure?: string | undefined;
}

async function probeKernels({ cudaBuild, cudaDevices }: RuntimeInfo): Promise<ProbedKernels> {
  if (!cudaBuild || cudaDevices === 0) return {};
  try {
    await using engine = await Engine.create({ device: 'cuda' });
    return { report: await tryKernels(engine) };
  } catch (error) {
    return { failure: firstLine(error) };
  }
}

// Written at once, whatever becomes of this process.
const print = (line: RuntimeInfo | ProbedKernels) => writeSync(1, `${JSON.stringify(line)}\n`);

try {
  const info = JSON.parse(loadNative().info()) as RuntimeInfo;
  print(info);
  print(await probeKernels(info));
} catch (error) {
  process.stderr.write(`${firstLine(error)}\n`);
  process.exitCode = 1;
}
