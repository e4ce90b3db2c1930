/** An engine that trains nothing but keeps count: its "weights" are the sum of what it was given. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SvgT2IError } from '../../../lib/errors.js';
import type { TrainStepRequest, TrainStepValue } from '../../../lib/native/training-jobs.js';
import { blackPixels, type Call, MockEngine, noSeconds } from '../mock-engine.js';

export const calls: Call[] = [];
export const behaviour: {
  /** Steps that give no finite number. */
  badSteps: (step: number) => boolean;
  /** Called before every step. */
  onStep: (step: number) => void;
  /** Called where a run is opened, before anything is restored. */
  onOpen: () => void;
  /** Thrown by `train-save` and `sample`. */
  saveError: Error | undefined;
  sampleError: Error | undefined;
} = {
  badSteps: () => false,
  onStep: () => undefined,
  onOpen: () => undefined,
  saveError: undefined,
  sampleError: undefined,
};

export function resetEngine(): void {
  calls.length = 0;
  behaviour.badSteps = () => false;
  behaviour.onStep = () => undefined;
  behaviour.onOpen = () => undefined;
  behaviour.saveError = undefined;
  behaviour.sampleError = undefined;
}

const pixels = blackPixels(32, 32);
const latent = { dtype: 'float32', shape: [4, 2, 2], data: new Float32Array(16) } as const;

export class Engine extends MockEngine {
  static create = async () => new Engine();

  constructor() {
    let weight = 0;
    let reports: TrainStepValue[] = [];
    super(
      {
        load: () => ({ value: { device: 'cpu', dtype: 'fp32', remarks: [] } }),
        'encoder-source': () => ({ value: { ownEncoder: false } }),
        'train-open': () => {
          behaviour.onOpen();
          return {
            value: {
              parameters: 7,
              missing: [],
              unexpected: [],
              mismatched: [],
              remarks: [],
              activations: null,
            },
          };
        },
        'train-step': (request) => {
          const step = Math.floor((drawsOf(request)[0] ?? 0) / request.globalBatch);
          const lossName = 'draws' in request ? 'total' : 'loss';
          behaviour.onStep(step);
          // As JSON has what is no number.
          const bad = {
            losses: { [lossName]: null },
            gradNorm: null,
            applied: false,
            samples: [],
            milliseconds: {},
          };
          if (behaviour.badSteps(step)) {
            reports.push(bad);
            return {};
          }
          for (const draw of drawsOf(request)) weight += draw * request.lr;
          const loss = 1 / (step + 1);
          const report = {
            losses: { [lossName]: loss },
            gradNorm: 1,
            applied: true,
            samples: [[0.5, loss]],
          } as const;
          reports.push({ ...report, milliseconds: { forward: 1 } });
          return {};
        },
        'train-report': () => {
          const steps = reports;
          reports = [];
          return { value: { steps } };
        },
        'train-save': ({ folder }) => {
          if (behaviour.saveError !== undefined) throw behaviour.saveError;
          writeFileSync(join(folder, 'rank-00000-of-00001.safetensors'), String(weight));
          return { value: { files: ['rank-00000-of-00001.safetensors'] } };
        },
        'train-restore': ({ folder, files }) => {
          weight = restoredFrom(folder, files);
          return {};
        },
        'train-publish': () => ({}),
        'train-close': () => ({}),
        // What is measured tells which weights were: all metrics are their sum.
        'measure-open': () => ({ value: {} }),
        'measure-close': () => ({}),
        'measure-add': (_, { tensors = {} }) => ({ value: { count: Object.keys(tensors).length } }),
        'measure-result': ({ metrics }) => ({
          value: Object.fromEntries(
            metrics.map((name) => [name, name === 'fid' ? weight : { mean: weight, std: 0 }]),
          ),
        }),
        'measure-pairs': ({ metrics }, { tensors = {} }) => {
          const data = new Float64Array(Object.keys(tensors).length / 2).fill(weight);
          const column = { dtype: 'float64', shape: [data.length], data } as const;
          return { tensors: Object.fromEntries(metrics.map((name) => [name, column])) };
        },
        'train-export': ({ path }) => {
          writeFileSync(path, String(weight));
          return { value: { parameters: 7 } };
        },
        sample: ({ items }) => {
          if (behaviour.sampleError !== undefined) throw behaviour.sampleError;
          const tensors = Object.fromEntries(items.map((_, i) => [`image.${i}`, pixels]));
          return { value: { timings: noSeconds, evaluations: [] }, tensors };
        },
        encode: () => ({ tensors: { 'latent.0': latent } }),
        decode: () => ({ tensors: { 'image.0': pixels } }),
        'cache-write': ({ path, items }, { tensors = {} }) => {
          writeFileSync(path, JSON.stringify(Object.keys(tensors)));
          return { value: { samples: items.length } };
        },
        'statistics-add': ({ images }) => ({ value: { images: images.length } }),
        'statistics-save': () => ({ value: { images: 3, channels: 4 } }),
      },
      (kind, request, { tensors = {} }) => calls.push({ kind, request, tensors } as Call),
    );
  }
}

function restoredFrom(folder: string, [name = '']: readonly string[]): number {
  const file = join(folder, name);
  if (!existsSync(file)) throw new SvgT2IError('ERR_SVGT2I_FILE_NOT_FOUND', file);
  const text = readFileSync(file, 'utf8');
  if (!Number.isNaN(Number(text))) return Number(text);
  throw new SvgT2IError('ERR_SVGT2I_WEIGHTS_MISMATCH', `${file} is the state of another model`);
}

/** Numbers of a step's samples. */
export function drawsOf(request: TrainStepRequest): readonly number[] {
  return 'draws' in request ? request.draws : request.micro.flat().map(({ draw }) => draw);
}

/** Pictures without decoding: those named `broken` cannot be read. */
export class ImagePool {
  async prepare(path: string, sizes: readonly { readonly width: number; readonly height: number }[]) {
    if (path.includes('broken')) throw new SvgT2IError('ERR_SVGT2I_IMAGE', `${path} cannot be decoded`);
    const { width = 0, height = 0 } = sizes[0] ?? {};
    return { width, height, data: new Uint8Array(width * height * 3) };
  }

  async dispose() {}
}
