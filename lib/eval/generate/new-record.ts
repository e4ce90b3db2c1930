/** The record of a run that begins or goes on: what decides its pictures, and what lets them differ in the last bits. */
import { resolve } from 'node:path';
import { askedMetadata } from '../../pipeline/metadata.js';
import { without } from '../../release/draw-config.js';
import type { ReleaseLayout } from '../../release/layout.js';
import type { DrawnIn } from './draw-files.js';
import { type RunRecord, SOFTWARE } from './run-record.js';
import type { RunSpec } from './run-spec.js';
import type { WeightsFile } from './weights.js';

export interface RecordedRun {
  readonly spec: RunSpec;
  readonly layout: ReleaseLayout;
  readonly weights: readonly WeightsFile[];
  /** As an earlier call left it. */
  readonly before: RunRecord | undefined;
}

/** Of a picture alone, or said by the hashes of the weights. */
const NOT_OF_RUN = ['prompt', 'class', 'dit', 'weakDit', 'autoencoder', 'textEncoder'];

/** The sessions of an earlier record stay. */
export function newRecord({ spec, layout, weights, before }: RecordedRun, started: string): RunRecord {
  const { config } = spec;
  const { model, sample } = config;
  const { attentionSoftCap } = config.found.softCap({ ofDit: true });
  const { count, seed, seedMode } = spec;
  // As pictures carry them, so that settings that a solver does not read are not told apart.
  const settings = askedMetadata({
    ...{ request: { ...sample, count, seedMode }, prompt: '', seed, layout, attentionSoftCap },
    ...('classes' in spec.asked ? { class: { number: 0, name: undefined } } : {}),
  });
  return {
    format: 1,
    kind: spec.kind,
    software: SOFTWARE,
    command: spec.command ?? null,
    started: before?.started ?? started,
    ended: before?.ended ?? null,
    decides: {
      kind: spec.kind,
      ...spec.decides,
      ...{ count, seedMode },
      ...without(settings, [...NOT_OF_RUN, ...config.ofModel, ...config.leftToModel]),
      dtype: model.dtype,
      ...Object.fromEntries(weights.map(({ part, path, sha256 }) => [nameOf(part, path, layout), sha256])),
    },
    about: { ...spec.about, model, batchSize: sample.batchSize },
    weights,
    drawnIn: before?.drawnIn ?? null,
    sessions: before?.sessions ?? [],
  };
}

/** Without folders: the same weights may lie elsewhere on another machine. */
function nameOf(part: string, path: string, layout: ReleaseLayout): string {
  return part === 'textEncoder' && layout.textEncoder !== undefined
    ? `weights.${part}/${path.slice(resolve(layout.textEncoder).length + 1)}`
    : `weights.${part}${/(-\d+-of-\d+|\.\d+-of-\d+)/.exec(path)?.[0] ?? ''}`;
}

/** What lets pixels differ in their last bits from those that are there. */
export function otherBits(before: DrawnIn, now: DrawnIn): readonly string[] {
  const bits = 'pixels may differ in the last bits';
  if (kindOf(before.device) !== kindOf(now.device)) {
    return [`this run was begun on ${before.device} and goes on on ${now.device}: ${bits}`];
  }
  if (now.device !== 'cpu' || before.threads === now.threads) return [];
  const [was, is] = [before, now].map(({ threads }) =>
    threads === null ? 'all threads' : `${threads} thread(s)`,
  );
  return [`this run was begun with ${was} of each process and goes on with ${is}: ${bits} (--threads)`];
}

function kindOf(device: string): string {
  return device.split(':', 1)[0] ?? device;
}
