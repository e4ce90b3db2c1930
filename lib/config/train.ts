/** A training configuration from its file, the environment, flags and --set; and what of it decides the result. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { SvgT2IError } from '../errors.js';
import { type ConfigKeys, type ConfigSources, type ConfigTree, loadConfig, resolvePaths } from './load.js';
import { type AutoencoderTrainingConfig, autoencoderTrainingSchema } from './train-autoencoder.js';
import { type DitTrainingConfig, ditTrainingSchema } from './train-dit.js';

/** A whole training configuration, with every default; what configs/*.schema.json describe. */
export type TrainingConfig = DitTrainingConfig | AutoencoderTrainingConfig;
/** `dit` or `autoencoder`. */
export type TrainingStage = TrainingConfig['stage'];

export const TRAINING_STAGES = ['dit', 'autoencoder'] as const satisfies readonly TrainingStage[];

const trainingKeys: ConfigKeys = {
  paths: [
    'run',
    'initFrom.path',
    'frozen.pretrained',
    'encoder.weights',
    'loss.lpips',
    'data.cache',
    'data.sets.*.path',
    'data.sets.*.root',
  ],
  names: ['initFrom.path', 'frozen.pretrained'],
  environment: {
    SVG_T2I_PRETRAINED: 'frozen.pretrained',
    SVG_T2I_DEVICE: 'device',
    SVG_T2I_THREADS: 'threads',
  },
};

/** An autoencoder is trained without a release. */
const autoencoderKeys: ConfigKeys = {
  ...trainingKeys,
  environment: { SVG_T2I_DEVICE: 'device', SVG_T2I_THREADS: 'threads' },
};

/** Every path in the result is absolute, so that it means the same wherever it is read again. */
export async function loadDitTrainingConfig(sources: ConfigSources): Promise<DitTrainingConfig> {
  await checkStage('dit', sources.file);
  const config = await loadConfig(ditTrainingSchema, { ...sources, keys: trainingKeys });
  return resolvePaths(config as ConfigTree, '.', trainingKeys) as DitTrainingConfig;
}

/** As loadDitTrainingConfig. */
export async function loadAutoencoderTrainingConfig(
  sources: ConfigSources,
): Promise<AutoencoderTrainingConfig> {
  await checkStage('autoencoder', sources.file);
  const config = await loadConfig(autoencoderTrainingSchema, { ...sources, keys: autoencoderKeys });
  return resolvePaths(config as ConfigTree, '.', autoencoderKeys) as AutoencoderTrainingConfig;
}

/**
 * A training configuration from its layers: file, environment, values and assignments.
 *
 * @throws SvgT2IError ERR_SVGT2I_INVALID_CONFIG naming the key
 *
 * @example
 * const config = await loadTrainingConfig('dit', { file: 'configs/dit/dit_stage1_256.yaml', set: ['steps=1000'] });
 */
export function loadTrainingConfig(stage: TrainingStage, sources: ConfigSources): Promise<TrainingConfig> {
  return stage === 'dit' ? loadDitTrainingConfig(sources) : loadAutoencoderTrainingConfig(sources);
}

/** Looked at alone: all that a file of the other stage has would be wrong. */
async function checkStage(stage: TrainingStage, file: string | undefined): Promise<void> {
  if (file === undefined) return;
  const schema = z.looseObject({ stage: z.enum(TRAINING_STAGES).default(stage) });
  const named = (await loadConfig(schema, { file, keys: trainingKeys })).stage;
  if (named === stage) return;
  throw new SvgT2IError('ERR_SVGT2I_INVALID_CONFIG', `${file} is for stage ${named}, not ${stage}`, {
    hint: `Use it with svg-t2i train ${named}.`,
  });
}

/**
 * What only the number of processes decides.
 *
 * @throws SvgT2IError ERR_SVGT2I_INVALID_CONFIG
 */
export function checkWorldSize(config: TrainingConfig, worldSize: number): void {
  const { global } = config.batch;
  if (global % worldSize === 0) return;
  const below = global - (global % worldSize);
  throw new SvgT2IError(
    'ERR_SVGT2I_INVALID_CONFIG',
    `batch.global: ${global} pictures cannot be shared equally by ${worldSize} processes`,
    { hint: `Take ${below > 0 ? `${below} or ` : ''}${below + worldSize}, or another number of processes.` },
  );
}

/** Values that change how a run is carried out, not what it computes. */
const INCIDENTAL = new Set([
  'run',
  'steps',
  'epochs',
  'batch.micro',
  'data.workers',
  'data.prefetch',
  'data.maxBadShare',
  'data.maxPixels',
  'activationCheckpointing',
  'activationMemory',
  'maxBadSteps',
  'logEvery',
  'checkpoints',
  'parallel',
  'device',
  'threads',
  'samples',
]);

/** Values in which the processes of one run may differ. */
const OF_A_MACHINE = new Set([
  'run',
  'activationMemory',
  'data.workers',
  'data.prefetch',
  'device',
  'threads',
]);

/** What runs and caches were made with that do not say so, as they are from before there was a choice. */
export const EARLIER_VALUES: Readonly<Record<string, string>> = {
  'data.autoOrient': 'true',
  'frozen.attentionSoftCap': 'true',
  encoderPrecision: '"auto"',
};

/** The values that decide what a run computes, by path, as JSON texts; with the number of pictures, if given. */
export function decisiveValues(config: TrainingConfig, items?: number): ReadonlyMap<string, string> {
  const values = flatValues(config, INCIDENTAL);
  return items === undefined ? values : new Map([...values, ['data.items', String(items)]]);
}

/** What all processes of a run must have in common, a line for each value. */
export function commonValues(config: TrainingConfig): string {
  return [...flatValues(config, OF_A_MACHINE)].map(([path, value]) => `${path}: ${value}`).join('\n');
}

function flatValues(config: TrainingConfig, without: ReadonlySet<string>): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  const visit = (value: unknown, path: string): void => {
    if (without.has(path) || value === undefined) return;
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      for (const [key, inner] of Object.entries(value)) visit(inner, path === '' ? key : `${path}.${key}`);
    } else values.set(path, JSON.stringify(value));
  };
  visit(config, '');
  return new Map([...values].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** SHA-256 of the decisive values. */
export function trainingConfigHash(config: TrainingConfig): string {
  return createHash('sha256')
    .update(JSON.stringify([...decisiveValues(config)]))
    .digest('hex');
}
