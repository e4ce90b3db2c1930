/** The folder of a run: what lies where, and whether a run may begin or go on in it. */
import { join } from 'node:path';
import { z } from 'zod';
import { printConfig } from '../config/load.js';
import { readOptionalFile } from '../config/optional-file.js';
import type { TrainingConfig, TrainingStage } from '../config/train.js';
import { TRAINING_STAGES } from '../config/train.js';
import { MAX_YAML_BYTES, parseYaml } from '../config/yaml.js';
import { SvgT2IError } from '../errors.js';
import { writeDurably } from '../files.js';
import { readText } from '../regular-file.js';
import { listCheckpoints } from './checkpoint.js';

export interface RunFolder {
  readonly path: string;
  /** The resolved configuration. */
  readonly config: string;
  readonly metrics: string;
  readonly badItems: string;
  readonly samples: string;
  readonly plot: string;
  readonly checkpoints: string;
  readonly exported: string;
  /** What `eval watch` found out of each checkpoint: it alone writes there. */
  readonly evaluations: string;
  /** Its report, pictures and event file. */
  readonly evaluated: string;
}

export function runFolder(path: string): RunFolder {
  return {
    path,
    config: join(path, 'config.yaml'),
    metrics: join(path, 'metrics.jsonl'),
    badItems: join(path, 'bad-items.jsonl'),
    samples: join(path, 'samples'),
    plot: join(path, 'losses.svg'),
    checkpoints: join(path, 'checkpoints'),
    exported: join(path, 'export'),
    evaluations: join(path, 'eval.jsonl'),
    evaluated: join(path, 'eval'),
  };
}

/** `new`: only where nothing was trained yet; `latest`: only where there is a checkpoint; `auto`: either. */
export type ResumeMode = 'new' | 'latest' | 'auto';

/** @throws SvgT2IError ERR_SVGT2I_RUN_FOLDER or ERR_SVGT2I_CHECKPOINT where the folder does not suit the mode */
export async function checkResume(folder: RunFolder, mode: ResumeMode): Promise<void> {
  const [newest] = await listCheckpoints(folder.checkpoints);
  if (mode === 'new' && newest !== undefined) {
    throw new SvgT2IError('ERR_SVGT2I_RUN_FOLDER', `${folder.path} holds a run of ${newest} steps`, {
      hint: 'Go on with it by --resume, or choose another folder with --run.',
    });
  }
  if (mode === 'latest' && newest === undefined) {
    throw new SvgT2IError('ERR_SVGT2I_CHECKPOINT', `${folder.path} holds no checkpoint to resume from`, {
      hint: 'Leave --resume out to begin, or use --resume auto for either.',
    });
  }
}

/** Whether a version trained here that always capped the text encoder's attention scores. */
export async function isEarlierRun(folder: RunFolder): Promise<boolean> {
  if ((await listCheckpoints(folder.checkpoints)).length === 0) return false;
  const tree = readOptionalFile(folder.config, (text) => parseYaml(text, folder.config));
  const said = z
    .looseObject({ frozen: z.looseObject({ attentionSoftCap: z.unknown().optional() }) })
    .safeParse(tree);
  return said.success && said.data.frozen.attentionSoftCap === undefined;
}

/** @throws SvgT2IError ERR_SVGT2I_INVALID_CONFIG where the run could not read its own configuration again */
export function checkRunConfig(config: TrainingConfig): void {
  if (Buffer.byteLength(printRunConfig(config)) <= MAX_YAML_BYTES) return;
  throw new SvgT2IError(
    'ERR_SVGT2I_INVALID_CONFIG',
    `with its defaults filled in the configuration has more than ${MAX_YAML_BYTES / 1024} KB, too much to be read again`,
    { hint: 'Join lists of data.sets into fewer and longer ones.' },
  );
}

export async function writeRunConfig(folder: RunFolder, config: TrainingConfig): Promise<void> {
  await writeDurably(folder.config, printRunConfig(config));
}

function printRunConfig(config: TrainingConfig): string {
  return `# What this run was started with.\n${printConfig(config)}`;
}

/** Which stage a run trains, as its configuration says. */
export async function readRunStage(folder: RunFolder): Promise<TrainingStage> {
  const text = await readText(folder.config, { maxBytes: 16 * MAX_YAML_BYTES });
  const tree = parseYaml(text, folder.config);
  const named = typeof tree === 'object' && tree !== null && 'stage' in tree ? tree.stage : undefined;
  const stage = TRAINING_STAGES.find((known) => known === named);
  if (stage !== undefined) return stage;
  throw new SvgT2IError('ERR_SVGT2I_INVALID_CONFIG', `${folder.config}: names no stage of training`, {
    hint: `It must say stage: ${TRAINING_STAGES.join(' or ')}.`,
  });
}
