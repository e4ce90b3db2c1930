/** An engine that measures with one number a picture, its mean level: what comes out can be worked out by hand. */
import { psnr } from '../../../lib/image/psnr.js';
import { rgbImage } from '../../../lib/image/rgb-image.js';
import type { NativeTensor, NativeTensors } from '../../../lib/native/binding.js';
import { type Call, MockEngine } from '../mock-engine.js';

export const calls: Call[] = [];
export const behaviour: { onAdd: () => void | Promise<void>; autoencoder: (level: number) => number } = {
  onAdd: () => undefined,
  autoencoder: (level) => level,
};
/** Mean levels of the pictures of each set, in the order in which they came. */
export let sets = new Map<string, number[]>();

export function resetEngine(): void {
  calls.length = 0;
  sets = new Map();
  behaviour.onAdd = () => undefined;
  behaviour.autoencoder = (level) => level;
}

const doubles = (data: readonly number[], ...shape: number[]) =>
  ({
    dtype: 'float64',
    shape: shape.length === 0 ? [data.length] : shape,
    data: Float64Array.from(data),
  }) as const;

/** Mean and variance in place of mu and sigma, of sets that have only these as well. */
const stored = new Map<string, { mean: number; variance: number }>();

function momentsOf(name: string): { mean: number; variance: number } {
  const levels = sets.get(name);
  if (levels === undefined) {
    const known = stored.get(name);
    if (known === undefined) throw new Error(`no set ${name}`);
    return known;
  }
  const mean = levels.reduce((sum, level) => sum + level, 0) / levels.length;
  const variance = levels.reduce((sum, level) => sum + (level - mean) ** 2, 0) / (levels.length - 1);
  return { mean, variance };
}

/** Fréchet distance of one dimension. */
function distance(a: string, b: string): number {
  const [one, other] = [momentsOf(a), momentsOf(b)];
  return (one.mean - other.mean) ** 2 + (Math.sqrt(one.variance) - Math.sqrt(other.variance)) ** 2;
}

export class Engine extends MockEngine {
  static create = async () => new Engine();

  constructor() {
    super(
      {
        load: () => ({
          value: {
            device: 'cpu',
            dtype: 'fp32',
            remarks: [],
            autoencoder: { cellPixels: 16 } as never,
          },
        }),
        // A latent is the picture, in other numbers.
        encode: (_, { tensors = {} }) => {
          const { shape, data } = tensors['image.0'] as NativeTensor;
          const latent = { dtype: 'float32', shape, data: Float32Array.from(data as Uint8Array) } as const;
          return { tensors: { 'latent.0': latent } };
        },
        decode: (_, { tensors = {} }) => {
          const { shape, data } = tensors['latent.0'] as NativeTensor;
          const pixels = Uint8Array.from(data as Float32Array, behaviour.autoencoder);
          const image = { dtype: 'uint8', shape: shape.slice(-3), data: pixels } as const;
          return { tensors: { 'image.0': image } };
        },
        'measure-open': () => {
          sets = new Map();
          stored.clear();
          return { value: {} };
        },
        'measure-close': () => ({}),
        'measure-add': async ({ set }, { tensors = {} }) => {
          await behaviour.onAdd();
          const levels = sets.get(set) ?? [];
          for (const { data } of inOrder(tensors, 'image')) levels.push(meanOf(data as Uint8Array));
          sets.set(set, levels);
          return { value: { count: levels.length } };
        },
        'measure-reference': ({ set }, { tensors }) => {
          stored.set(set, {
            mean: Number(tensors?.mu.data[0]),
            variance: Number(tensors?.sigma.data[0]),
          });
          return {};
        },
        'measure-statistics': ({ set }) => {
          const { mean, variance } = momentsOf(set);
          const one = { mu: doubles([mean]), sigma: doubles([variance], 1, 1) };
          return {
            value: { count: sets.get(set)?.length ?? 0 },
            tensors: { ...one, mu_s: one.mu, sigma_s: one.sigma },
          };
        },
        'measure-result': ({ set, reference = set, metrics }) => ({
          value: Object.fromEntries(
            metrics.map((metric) => {
              switch (metric) {
                case 'fid':
                case 'sfid':
                  return [metric, distance(set, reference)];
                case 'pr':
                  return [metric, { precision: 0.5, recall: 0.25, fScore: 1 / 3 }];
                default:
                  return [metric, { mean: sets.get(set)?.length ?? 0, std: 0 }];
              }
            }),
          ),
        }),
        'measure-pairs': ({ metrics }, { tensors = {} }) => {
          const [a, b] = [inOrder(tensors, 'a'), inOrder(tensors, 'b')];
          const values = a.map((one, i) => psnr(imageOf(one), imageOf(b[i] as NativeTensor)));
          return { tensors: Object.fromEntries(metrics.map((name) => [name, doubles(values)])) };
        },
      },
      (kind, request, { tensors = {} }) => calls.push({ kind, request, tensors } as Call),
    );
  }
}

function inOrder(tensors: NativeTensors, name: string): readonly NativeTensor[] {
  const found: NativeTensor[] = [];
  for (let i = 0; ; i++) {
    const tensor = tensors[`${name}.${i}`];
    if (tensor === undefined) return found;
    found.push(tensor);
  }
}

function imageOf({ shape, data }: NativeTensor) {
  return rgbImage(shape[1] as number, shape[0] as number, data as Uint8Array);
}

function meanOf(data: Uint8Array): number {
  return data.reduce((sum, level) => sum + level, 0) / data.length;
}
