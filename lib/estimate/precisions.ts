/** Which precisions an estimate counts, and in which order it proposes them. */
import type { Dtype } from '../config/model.js';
import type { RuntimeInfo } from '../native/binding.js';
import type { Precision } from '../native/estimate-jobs.js';

/** The asked one first, then the others of the device: those that its instructions are for come before those that crawl. */
export function precisionsFor(
  dtype: Dtype,
  device: string,
  { cpuBf16, cpuInt8 }: Pick<RuntimeInfo, 'cpuBf16' | 'cpuInt8'>,
): readonly Precision[] {
  const known = device.startsWith('cuda') ? (['bf16', 'fp32'] as const) : onCpu(cpuBf16, cpuInt8 !== 'none');
  const usual = device.startsWith('cuda') || cpuBf16 ? 'bf16' : 'fp32';
  const asked = dtype === 'auto' ? usual : dtype;
  return [asked, ...known.filter((other) => other !== asked)];
}

function onCpu(hasBf16: boolean, hasInt8: boolean): readonly Precision[] {
  if (hasBf16) return hasInt8 ? ['bf16', 'int8', 'fp32'] : ['bf16', 'fp32', 'int8'];
  return hasInt8 ? ['int8', 'fp32', 'bf16'] : ['fp32', 'bf16', 'int8'];
}
