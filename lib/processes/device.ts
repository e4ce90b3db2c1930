/** Where one of several processes computes: its own GPU, or its share of the cores. */
import { availableParallelism } from 'node:os';
import type { TrainingConfig } from '../config/train.js';
import { runtimeInfo } from '../engine.js';
import { SvgT2IError } from '../errors.js';
import type { RankPlace } from './ranks.js';

export interface DeviceChoice {
  /** `cpu` or `cuda:N`. */
  readonly device: string;
  readonly threads: number | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** @throws SvgT2IError ERR_SVGT2I_DEVICE_UNAVAILABLE where there are fewer GPUs than processes */
export function chooseDevice(
  config: Pick<TrainingConfig, 'device' | 'threads'>,
  place: RankPlace,
): DeviceChoice {
  const { device, threads } = config;
  const { localRank, localWorldSize } = place;
  const share = Math.max(1, Math.floor(availableParallelism() / localWorldSize));
  const ownThreads = threads ?? (localWorldSize > 1 ? share : undefined);
  if (device === 'cpu') return { device, threads: ownThreads };
  const { cudaDevices } = runtimeInfo();
  if (device === 'auto' && cudaDevices === 0) return { device: 'cpu', threads: ownThreads };
  if (device !== 'auto' && device !== 'cuda') return { device, threads: ownThreads };
  const gpu = ownGpu(localRank, cudaDevices, process.env);
  if (gpu !== undefined) return { device: `cuda:${gpu}`, threads: ownThreads };
  throw new SvgT2IError(
    'ERR_SVGT2I_DEVICE_UNAVAILABLE',
    `process ${localRank} of this machine has no GPU: there are ${cudaDevices}`,
    { hint: 'Start one process a GPU (--nproc), or set device: cpu.' },
  );
}

/** Number of a process's GPU among those that it sees; undefined where none is left for it. */
export function ownGpu(localRank: number, gpus: number, env: Environment): number | undefined {
  if (localRank < gpus) return localRank;
  // srun --gpus-per-task and scripts like it show each process its own one as number 0; torchrun and --nproc, which set
  // LOCAL_WORLD_SIZE, show all processes the same ones.
  const isOneShown = env.SLURM_LOCALID !== undefined || /^[^,]+$/.test(env.CUDA_VISIBLE_DEVICES ?? '');
  return gpus === 1 && isOneShown && env.LOCAL_WORLD_SIZE === undefined ? 0 : undefined;
}
