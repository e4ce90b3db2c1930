/** Which of the run's processes this one is, as its launcher says in the environment, and what they do together. */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { Engine } from '../engine.js';
import { SvgT2IError } from '../errors.js';
import { STOP_CAUSES, type StopCause, StopRequest } from '../stop.js';

export interface RankPlace {
  readonly rank: number;
  readonly worldSize: number;
  /** Number among the processes of this machine: which GPU it takes. */
  readonly localRank: number;
  /** Processes on this machine, as far as the launcher says. */
  readonly localWorldSize: number;
  readonly masterAddr: string;
  readonly masterPort: number;
  /** Where the launcher itself keeps a store at that address: what the names of this run begin with in it. */
  readonly launcherPrefix?: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

const ALONE: RankPlace = {
  rank: 0,
  worldSize: 1,
  localRank: 0,
  localWorldSize: 1,
  masterAddr: '127.0.0.1',
  masterPort: 0,
};
/** What torchrun uses where nobody says otherwise. */
const DEFAULT_PORT = 29500;

/**
 * torchrun, a Kubernetes PyTorchJob and our own launcher set RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR and
 * MASTER_PORT; an indexed Kubernetes job numbers its pods in JOB_COMPLETION_INDEX; srun sets SLURM_*, of which
 * MASTER_ADDR and MASTER_PORT are free to say more.
 *
 * @throws SvgT2IError ERR_SVGT2I_USAGE for variables that contradict each other
 */
export function rankPlace(env: Environment): RankPlace {
  const worldSize = readNumber(env, 'WORLD_SIZE') ?? slurmTasks(env) ?? 1;
  if (worldSize < 1) throw usage(`WORLD_SIZE is ${worldSize}`, 'It counts the processes of the run.');
  const isSlurm = env.WORLD_SIZE === undefined;
  const rank = isSlurm
    ? readNumber(env, 'SLURM_PROCID')
    : (readNumber(env, 'RANK') ?? readNumber(env, 'JOB_COMPLETION_INDEX'));
  if (worldSize === 1) return ALONE;
  if (rank === undefined) {
    throw usage(`WORLD_SIZE is ${worldSize}, but RANK is not set`, 'Start with --nproc, torchrun or srun.');
  }
  if (rank >= worldSize)
    throw usage(`RANK ${rank} is outside WORLD_SIZE ${worldSize}`, 'Ranks count from 0.');
  const localRank = readNumber(env, 'LOCAL_RANK') ?? readNumber(env, 'SLURM_LOCALID') ?? 0;
  const localWorldSize = readNumber(env, 'LOCAL_WORLD_SIZE') ?? 1;
  const masterAddr = env.MASTER_ADDR ?? (isSlurm ? firstHost(env.SLURM_STEP_NODELIST ?? '') : undefined);
  if (masterAddr === undefined || masterAddr === '') {
    throw usage('MASTER_ADDR is not set', 'Set it to the address of the machine of rank 0.');
  }
  const masterPort = readNumber(env, 'MASTER_PORT') ?? (isSlurm ? slurmPort(env) : DEFAULT_PORT);
  if (masterPort < 1 || masterPort > 65_535)
    throw usage(`MASTER_PORT is ${masterPort}`, 'Take 1024 to 65535.');
  return { rank, worldSize, localRank, localWorldSize, masterAddr, masterPort, ...agentStore(env) };
}

/** A batch script has the number of tasks of its job, but is one process: only with an address they can meet at. */
function slurmTasks(env: Environment): number | undefined {
  const ofStep = readNumber(env, 'SLURM_STEP_NUM_TASKS');
  if (ofStep !== undefined || env.MASTER_ADDR === undefined) return ofStep;
  return readNumber(env, 'SLURM_NTASKS');
}

/** torchrun serves a store at MASTER_PORT and starts failed runs anew, with the same store. */
function agentStore(env: Environment): Pick<RankPlace, 'launcherPrefix'> {
  if (env.TORCHELASTIC_USE_AGENT_STORE !== 'True') return {};
  const { TORCHELASTIC_RUN_ID: run = 'run', TORCHELASTIC_RESTART_COUNT: attempt = '0' } = env;
  return { launcherPrefix: `svg-t2i/${run}/${attempt}` };
}

function readNumber(env: Environment, name: string): number | undefined {
  const text = env[name];
  if (text === undefined || text === '') return undefined;
  if (!/^\d{1,9}$/.test(text)) throw usage(`${name} is "${text}"`, 'It must be a whole number from 0.');
  return Number(text);
}

/** `gpu[07-09,12]`, `gpu3,gpu4` -> the first name. */
export function firstHost(nodelist: string): string {
  const match = /^([^,[]*)(?:\[(\d+))?[^,]*/.exec(nodelist);
  return `${match?.[1] ?? ''}${match?.[2] ?? ''}`;
}

/** Two jobs on one machine should not meet. */
function slurmPort(env: Environment): number {
  return 20_000 + ((readNumber(env, 'SLURM_JOB_ID') ?? 0) % 20_000);
}

function usage(message: string, hint: string): SvgT2IError {
  return new SvgT2IError('ERR_SVGT2I_USAGE', message, { hint });
}

export interface RanksOptions {
  readonly backend: 'auto' | 'nccl' | 'gloo';
  readonly timeoutSeconds: number;
  /** Ends the waiting for the others. */
  readonly signal?: AbortSignal | undefined;
  readonly onWarning?: (message: string) => void;
}

/** Who asked a run to stop. */
export interface RunStop {
  /** Process of the run that was asked first. */
  readonly rank: number;
  /** Undefined where no signal of the system did. */
  readonly cause: StopCause | undefined;
}

/** More than there can be processes: cause and rank travel as one number. */
const RANKS_PER_CAUSE = 2 ** 24;

/** The processes of a run as a group; alone, everything is done at once. */
export class Ranks {
  readonly place: RankPlace;
  readonly #engine: Pick<Engine, 'run'>;

  private constructor(engine: Pick<Engine, 'run'>, place: RankPlace) {
    this.#engine = engine;
    this.place = place;
  }

  /** Meets the others. Rejects where one of them does not come within the timeout. */
  static async open(engine: Pick<Engine, 'run'>, place: RankPlace, options: RanksOptions): Promise<Ranks> {
    const { rank, worldSize, masterAddr, masterPort, launcherPrefix } = place;
    if (worldSize > 1) {
      const { backend, timeoutSeconds, signal, onWarning } = options;
      if (onWarning !== undefined && isIP(masterAddr) === 0) warnOfUnknownHost(masterAddr, onWarning);
      const request = {
        rank,
        worldSize,
        masterAddr,
        masterPort,
        launcherPrefix,
        timeoutSeconds,
        backend,
      };
      await engine.run('dist-open', request, { signal });
    }
    return new Ranks(engine, place);
  }

  get isFirst(): boolean {
    return this.place.rank === 0;
  }

  get isAlone(): boolean {
    return this.place.worldSize === 1;
  }

  /** Waits for all; `patient`, without the timeout for those that give signs of life: after what one does alone. */
  async barrier({ patient = false }: { readonly patient?: boolean } = {}): Promise<void> {
    if (!this.isAlone) await this.#engine.run('dist-barrier', { patient });
  }

  /** @throws SvgT2IError ERR_SVGT2I_RANKS naming the processes whose text differs */
  async agree(name: string, text: string): Promise<void> {
    if (!this.isAlone) await this.#engine.run('dist-agree', { name, text });
  }

  /** Whether any of the processes is asked to stop, and by what; all get the same answer. */
  async agreeOnStop(signal: AbortSignal | undefined): Promise<RunStop | undefined> {
    const own = this.ownStop(signal);
    if (this.isAlone) return own;
    const [largest = 0] = await this.#reduce('max', [own === undefined ? 0 : packStop(own)]);
    return largest === 0 ? undefined : unpackStop(largest);
  }

  /** Of this process alone. */
  ownStop(signal: AbortSignal | undefined): RunStop | undefined {
    if (signal?.aborted !== true) return undefined;
    const cause = signal.reason instanceof StopRequest ? signal.reason.stopCause : undefined;
    return { rank: this.place.rank, cause };
  }

  /** Whether it is so for any of the processes. */
  async any(wanted: boolean): Promise<boolean> {
    if (this.isAlone) return wanted;
    const [largest = 0] = await this.#reduce('max', [wanted ? 1 : 0]);
    return largest > 0;
  }

  /** Value by value, over all processes. */
  async sum(values: readonly number[]): Promise<readonly number[]> {
    return this.isAlone ? values : await this.#reduce('sum', values);
  }

  /** The texts of all processes, by rank. */
  async gather(name: string, text: string): Promise<readonly string[]> {
    if (this.isAlone) return [text];
    return (await this.#engine.run('dist-gather', { name, text })).value.texts;
  }

  async close(): Promise<void> {
    if (!this.isAlone) await this.#engine.run('dist-close', {});
  }

  async #reduce(op: 'max' | 'sum', values: readonly number[]): Promise<readonly number[]> {
    return (await this.#engine.run('dist-reduce', { op, values })).value.values;
  }
}

function packStop({ rank, cause }: RunStop): number {
  const number = cause === undefined ? STOP_CAUSES.length : STOP_CAUSES.indexOf(cause);
  return (number + 1) * RANKS_PER_CAUSE + rank;
}

function unpackStop(packed: number): RunStop {
  return { rank: packed % RANKS_PER_CAUSE, cause: STOP_CAUSES[Math.floor(packed / RANKS_PER_CAUSE) - 1] };
}

/** It may get its address later, as in Kubernetes, so that this is no error yet. */
function warnOfUnknownHost(host: string, onWarning: (message: string) => void): void {
  lookup(host).catch((error: NodeJS.ErrnoException) => {
    onWarning(`the host "${host}" of MASTER_ADDR cannot be resolved yet (${error.code}); waiting for it`);
  });
}
