/**
 * Run by the doctor in a child process: loads the addon, tries the kernels of a GPU where there is one, and prints what was
 * learnt as JSON.
 */
import { Engine } from '../engine.js';
import { firstLine } from '../errors.js';
import type { RuntimeInfo } from '../native/binding.js';
import { loadNative } from '../native/load.js';
import { type KernelReport, tryKernels } from './kernels.js';

/** What is printed. */
export interface Probed {
  readonly info: RuntimeInfo;
  /** Undefined without a GPU, or where none could be used: `kernelFailure` then says why. */
  readonly kernels?: KernelReport | undefined;
  readonly kernelFailure?: string | undefined;
}

async function probe(): Promise<Probed> {
  const info = JSON.parse(loadNative().info()) as RuntimeInfo;
  if (!info.cudaBuild || info.cudaDevices === 0) return { info };
  try {
    await using engine = await Engine.create({ device: 'cuda' });
    return { info, kernels: await tryKernels(engine) };
  } catch (error) {
    return { info, kernelFailure: firstLine(error) };
  }
}

try {
  process.stdout.write(JSON.stringify(await probe()));
} catch (error) {
  process.stderr.write(`${firstLine(error)}\n`);
  process.exitCode = 1;
}
