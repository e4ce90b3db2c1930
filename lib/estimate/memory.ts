/** Memory of a load, from what the engine counted. */
import type { CountedDtype } from '../native/estimate-jobs.js';
import type { JobValue } from '../native/jobs.js';
import type { MemoryEstimate } from './types.js';

/** A CUDA context with its kernels, and the workspaces of cuBLAS and cuDNN: counted, never measured here. */
const CUDA_RUNTIME_BYTES = 800e6;

/** Of libtorch on a CPU: code that is read in when it first runs, and kernels that are compiled then. */
const CPU_CODE_BYTES = 30e6;
/** Gaps in the heap between tensors, which are this share of them; large ones lie outside of it. */
const HEAP_GAPS = 0.35;
const MOST_HEAP_GAPS_BYTES = 64e6;

export interface Place {
  readonly device: string;
  readonly offload: boolean;
  /** Of a process that has opened libtorch and loaded nothing. */
  readonly residentBytes: number;
}

/** The velocity that most steps take. */
export function stepStage({ evaluations }: JobValue<'count'>): 'guided' | 'single' {
  return evaluations === null || evaluations.guided > 0 ? 'guided' : 'single';
}

/** Of the load at that place of the count. */
export function memoryOf(
  counted: JobValue<'count'>,
  index: number,
  dtype: CountedDtype,
  { device, offload, residentBytes }: Place,
): MemoryEstimate {
  const isGpu = device.startsWith('cuda');
  const weights: Record<string, number> = {};
  for (const [name, { bytes }] of Object.entries(counted.parts)) weights[name] = bytes[dtype] ?? 0;
  const offloaded = isGpu && offload ? (weights.textEncoder ?? 0) : 0;
  const stages = counted.loads[index]?.[dtype];
  const [prompts, step, decode] = [
    isGpu && offload ? 0 : (stages?.encode.peakBytes ?? 0),
    stages?.[stepStage(counted)].peakBytes ?? 0,
    stages?.decode.peakBytes ?? 0,
  ];
  const most = Math.max(prompts, step, decode);
  const peakAt = most === step ? 'step' : most === decode ? 'decode' : 'prompts';
  const activations = most + (isGpu ? 0 : Math.min(HEAP_GAPS * most, MOST_HEAP_GAPS_BYTES));
  const runtime = isGpu ? CUDA_RUNTIME_BYTES : residentBytes + CPU_CODE_BYTES;
  const inAll = Object.values(weights).reduce((sum, bytes) => sum + bytes, 0);
  return {
    weights,
    activations,
    peakAt,
    runtime,
    offloaded,
    total: inAll - offloaded + activations + runtime,
  };
}
