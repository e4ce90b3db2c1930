/** Which precisions an estimate counts, and in which order it proposes them. */
import type { Dtype } from '../config/model.js';
import type { RuntimeInfo } from '../native/binding.js';
import type { CountedDtype, Precision } from '../native/estimate-jobs.js';

/** The asked one first (`auto` takes int8 of a file that is stored so, on a CPU), then the others of the device: those that its instructions are for come before those that crawl. */
export function precisionsFor(
  dtype: Dtype,
  device: string,
  {
    cpuBf16,
    cpuInt8,
    storedInt8,
  }: Pick<RuntimeInfo, 'cpuBf16' | 'cpuInt8'> & { readonly storedInt8?: boolean },
): readonly Precision[] {
  const isGpu = device.startsWith('cuda');
  const known = isGpu ? (['bf16', 'fp32'] as const) : onCpu(cpuBf16, cpuInt8 !== 'none');
  const usual = !isGpu && storedInt8 ? 'int8' : isGpu || cpuBf16 ? 'bf16' : 'fp32';
  const asked = dtype === 'auto' ? usual : dtype;
  return [asked, ...known.filter((other) => other !== asked)];
}

/**
 * How one of these is counted. What `auto` takes on a CPU is counted as `auto`: a part whose file is int8 is taken so, and
 * those beside it are not.
 */
export function countedAs(
  precision: Precision,
  { dtype, device, usual }: { readonly dtype: Dtype; readonly device: string; readonly usual: Precision },
): CountedDtype {
  return dtype === 'auto' && device === 'cpu' && precision === usual ? 'auto' : precision;
}

function onCpu(hasBf16: boolean, hasInt8: boolean): readonly Precision[] {
  if (hasBf16) return hasInt8 ? ['bf16', 'int8', 'fp32'] : ['bf16', 'fp32', 'int8'];
  return hasInt8 ? ['int8', 'fp32', 'bf16'] : ['fp32', 'bf16', 'int8'];
}
