/** What each precision brings on this processor: which `auto` takes, and what `--dtype int8` would do. */
import type { RuntimeInfo } from '../native/binding.js';
import { type Finding, ok } from './finding.js';

/** Measured (docs/benchmarks.md), in words: a step of the transformer in int8 against one in the precision of `auto`. */
const BRINGS = {
  amx: '--dtype int8 is multiplied by AMX, as bf16 is: it saves memory first (a quarter of fp32, half of bf16) and a fifth of the time of bf16',
  vnni: '--dtype int8 takes less than half of the time of fp32 (docs/benchmarks.md) and a quarter of its memory',
  none: '--dtype int8 saves memory (a quarter of fp32) and no time: the processor multiplies no 8-bit numbers',
} as const;

export function precisionFinding({
  cpuBf16,
  cpuInt8,
  cudaDevices,
}: Pick<RuntimeInfo, 'cpuBf16' | 'cpuInt8' | 'cudaDevices'>): Finding {
  const auto = cpuBf16 ? 'bf16' : 'fp32, since there are no bf16 instructions';
  const onCpu = cudaDevices > 0 ? 'on the CPU ' : '';
  return ok('precision', `${onCpu}auto takes ${auto}; ${BRINGS[cpuInt8]}`);
}
