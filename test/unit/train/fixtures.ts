/** A folder, configurations and runs for tests that mock the engine. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import { autoencoderTrainingSchema } from '../../../lib/config/train-autoencoder.js';
import { ditTrainingSchema } from '../../../lib/config/train-dit.js';
import { validate } from '../../../lib/config/validate.js';
import type { JobKind } from '../../../lib/native/jobs.js';
import { rankPlace } from '../../../lib/processes/ranks.js';
import type { TrainEvent } from '../../../lib/train/events.js';
import type { TrainOptions } from '../../../lib/train/run.js';
import { callsOfKind } from '../mock-engine.js';
import { releaseFiles, writeFiles } from '../release.js';
import { calls, resetEngine } from './engine.js';

export let folder: string;
/** Makes a new folder with a release and a list before each test of the file. */
export function useTrainingFolder(): void {
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'svg-run-'));
    resetEngine();
    const tokenizer = readFileSync(new URL('../../golden/tokenizer/tokenizer.json', import.meta.url), 'utf8');
    writeFiles(join(folder, 'pre-trained'), { ...releaseFiles(), 'gemma-2-2b/tokenizer.json': tokenizer });
    writeList('list.jsonl', 10);
  });
  afterEach(() => rmSync(folder, { recursive: true }));
}

export function writeList(name: string, count: number, pathOf = (i: number) => `${i}.png`): void {
  const lines = Array.from({ length: count }, (_, i) => JSON.stringify({ path: pathOf(i), prompt: `p${i}` }));
  writeFileSync(join(folder, name), lines.join('\n'));
}

export const data = (extra: object = {}) => ({
  sets: [{ path: join(folder, 'list.jsonl') }],
  resolution: 32,
  aspect: 'square',
  ...extra,
});

export function dit(change: object = {}) {
  return validate(ditTrainingSchema, {
    steps: 6,
    batch: { global: 4, micro: 3 },
    model: { dim: 48, n_layers: 1, n_heads: 4, in_channels: 4 },
    frozen: { pretrained: join(folder, 'pre-trained') },
    data: data(),
    logEvery: 2,
    checkpoints: { every: 2, keep: 2 },
    samples: { every: 3, prompts: ['a', 'b', 'c'], steps: 2 },
    ...change,
  });
}

export function autoencoder(change: object = {}) {
  return validate(autoencoderTrainingSchema, {
    steps: 4,
    batch: { global: 2 },
    encoder: { weights: 'dino.pth' },
    data: data(),
    samples: { every: 2, count: 3 },
    ...change,
  });
}

export const events: TrainEvent[] = [];
export async function run(config: TrainOptions['config'], more: Partial<TrainOptions> = {}) {
  const { train } = await import('../../../lib/train/run.js');
  events.length = 0;
  return await train({
    config,
    folder: join(folder, 'run'),
    resume: 'new',
    place: rankPlace({}),
    onEvent: (event) => events.push(event),
    ...more,
  });
}

export const ofKind = <Kind extends JobKind>(kind: Kind) => callsOfKind(calls, kind);
export const warnings = () => events.flatMap((event) => (event.type === 'warning' ? [event.message] : []));
export const inRun = (...path: string[]) => join(folder, 'run', ...path);
