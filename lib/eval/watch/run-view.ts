/** What a run's folder shows at one look: whether the run has begun, what it trains, and which checkpoints lie there. */
import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { loadTrainingConfig, type TrainingConfig } from '../../config/train.js';
import { fileError, SvgT2IError, systemErrorCode } from '../../errors.js';
import {
  checkpointName,
  type FoundCheckpoint,
  listCheckpoints,
  readCheckpointState,
} from '../../train/checkpoint.js';
import { settleFrozen } from '../../train/frozen-paths.js';
import { type Metrics, readMetrics } from '../../train/metrics.js';
import { isEarlierRun, type RunFolder, readRunStage } from '../../train/run-folder.js';
import { totalSteps } from '../../train/schedule.js';

/** A checkpoint that is whole by its name; its files are not looked at yet. */
export interface SeenCheckpoint extends FoundCheckpoint {
  readonly step: number;
  readonly digest: string;
}

/** What lies in a folder before its run has written its configuration. */
const BEFORE_BEGIN = /^(lock(\..*)?|eval|eval\.jsonl|checkpoints|\..*|.*\.part)$/;

/**
 * Whether a run has begun in the folder: false where one may begin yet.
 *
 * @throws SvgT2IError ERR_SVGT2I_RUN_FOLDER for a folder of something else, or what is no folder
 */
export async function hasBegun(folder: RunFolder): Promise<boolean> {
  let names: readonly string[];
  try {
    names = await readdir(folder.path);
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'ENOENT') return false;
    if (code === 'ENOTDIR') throw noRun(folder.path, 'is no folder');
    throw fileError(error, 'read', folder.path);
  }
  if (names.includes(basename(folder.config))) return true;
  const stranger = names.find((name) => !BEFORE_BEGIN.test(name));
  if (stranger !== undefined) throw noRun(folder.path, `holds ${stranger}, and no config.yaml of a run`);
  return false;
}

function noRun(path: string, why: string): SvgT2IError {
  return new SvgT2IError('ERR_SVGT2I_RUN_FOLDER', `${path} is no folder of a run: it ${why}`, {
    hint: 'Name the folder that svg-t2i train was given with --run, such as runs/dit-256.',
  });
}

/** The configuration that the run was started with last. */
export async function readRunConfig(folder: RunFolder): Promise<TrainingConfig> {
  const stage = await readRunStage(folder);
  const written = await loadTrainingConfig(stage, { file: folder.config });
  return settleFrozen(written, { earlier: await isEarlierRun(folder) });
}

/** Those that can be read, the oldest first; `onBad` is told of one whose own description is damaged. */
export async function seeCheckpoints(
  folder: RunFolder,
  onBad: (step: number, error: unknown) => void,
): Promise<readonly SeenCheckpoint[]> {
  const steps = await listCheckpoints(folder.checkpoints);
  const seen: SeenCheckpoint[] = [];
  for (const step of [...steps].reverse()) {
    const path = checkpointPath(folder, step);
    try {
      seen.push({ folder: path, step, ...(await readCheckpointState(path, step)) });
    } catch (error) {
      // Removed between the two looks, as old ones are.
      if (await isThere(path)) onBad(step, error);
    }
  }
  return seen;
}

function checkpointPath(folder: RunFolder, step: number): string {
  return join(folder.checkpoints, checkpointName(step));
}

export async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** Whether the checkpoint is that of the run's last step. */
export function isLast(config: TrainingConfig, { step, state }: SeenCheckpoint): boolean {
  const items = Number(state.config['data.items']);
  if (config.steps === undefined && !Number.isInteger(items)) return false;
  return step >= totalSteps(config, items);
}

/**
 * Which training a checkpoint comes from. A run that is resumed from an earlier step forgets what it reported after it
 * (MetricsFile), and does these steps again: then the last report up to a step has another time than before.
 */
export class TrainedTimes {
  readonly #reports: readonly Pick<Metrics, 'step' | 'time'>[];

  private constructor(reports: readonly Pick<Metrics, 'step' | 'time'>[]) {
    this.#reports = reports;
  }

  static async read(folder: RunFolder): Promise<TrainedTimes> {
    return new TrainedTimes((await readMetrics(folder.metrics)).map(({ metrics }) => metrics));
  }

  /** Whether the run has reported nothing yet. */
  get isEmpty(): boolean {
    return this.#reports.length === 0;
  }

  /** `time` of the last metrics up to the step; null where there are none. */
  upTo(step: number): string | null {
    return this.#reports.findLast((report) => report.step <= step)?.time ?? null;
  }
}

/**
 * Tells one start of the run from the next without reading what it has reported: it writes the file anew once, and
 * appends to it from then on.
 */
export async function metricsIdentity(folder: RunFolder): Promise<string> {
  try {
    const { ino, birthtimeMs } = await stat(folder.metrics);
    return `${ino} ${birthtimeMs}`;
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return '';
    throw fileError(error, 'read', folder.metrics);
  }
}
