/** How the pictures of a set are read and cut, once every default is settled. */
import { availableParallelism } from 'node:os';
import type { Reading } from '../config/eval/measure.js';
import type { PictureFit } from '../data/fit-picture.js';
import type { DecodeOptions } from '../image/decode.js';

export interface SettledReading {
  readonly fit: PictureFit;
  readonly decode: Required<Pick<DecodeOptions, 'autoOrient' | 'maxPixels' | 'alpha'>>;
  /** Threads that decode. */
  readonly workers: number;
}

/**
 * ADM's crop drops alpha and takes pixels as stored, that of training pastes on white and turns pictures upright; pictures
 * that are not cut are pasted on white and taken as stored.
 */
export function settleReading(reading: Reading): SettledReading {
  const { resolution, crop, alpha, autoOrient, maxPixels, workers } = reading;
  const isAdm = resolution !== undefined && crop === 'adm';
  const isTrain = resolution !== undefined && crop === 'train';
  return {
    fit: fitOf(resolution, crop),
    decode: {
      autoOrient: autoOrient ?? isTrain,
      alpha: alpha ?? (isAdm ? 'drop' : 'white'),
      maxPixels,
    },
    workers: workers ?? Math.max(1, availableParallelism() - 1),
  };
}

function fitOf(resolution: number | undefined, crop: Reading['crop']): PictureFit {
  if (resolution === undefined) return { kind: 'whole' };
  if (crop === 'adm') return { kind: 'adm', resolution };
  return { kind: 'bucket', buckets: [{ width: resolution, height: resolution }], flip: false };
}
