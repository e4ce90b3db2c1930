/** An engine that trains nothing but keeps count: its "weights" are the sum of what it was given. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SvgT2IError } from '../../../lib/errors.js';

export interface Call {
  readonly kind: string;
  // Requests are read by tests that know their shape.
  readonly request: Readonly<Record<string, unknown>>;
  readonly tensors: Readonly<Record<string, { readonly shape: readonly number[] }>>;
}

export const calls: Call[] = [];
export const behaviour: {
  /** Steps that give no finite number. */
  badSteps: (step: number) => boolean;
  /** Called before every step. */
  onStep: (step: number) => void;
  /** Thrown by `train-save` and `sample`. */
  saveError: Error | undefined;
  sampleError: Error | undefined;
} = { badSteps: () => false, onStep: () => undefined, saveError: undefined, sampleError: undefined };

export function resetEngine(): void {
  calls.length = 0;
  behaviour.badSteps = () => false;
  behaviour.onStep = () => undefined;
  behaviour.saveError = undefined;
  behaviour.sampleError = undefined;
}

const pixels = { dtype: 'uint8', shape: [32, 32, 3], data: new Uint8Array(32 * 32 * 3) };
const latent = { dtype: 'float32', shape: [4, 2, 2], data: new Float32Array(16) };

export class Engine {
  disposed = false;
  #weight = 0;

  static create = async () => new Engine();

  async run(kind: string, request: Record<string, unknown> = {}, options: Record<string, unknown> = {}) {
    const signal = options.signal as AbortSignal | undefined;
    signal?.throwIfAborted();
    calls.push({ kind, request, tensors: (options.tensors ?? {}) as Call['tensors'] });
    return { tensors: {}, ...this.#answer(kind, request, options) };
  }

  async dispose() {
    this.disposed = true;
  }

  async [Symbol.asyncDispose]() {
    await this.dispose();
  }

  #answer(kind: string, request: Record<string, unknown>, options: Record<string, unknown>): object {
    switch (kind) {
      case 'load':
        return { value: { device: 'cpu', dtype: 'fp32' } };
      case 'train-open':
        return { value: { parameters: 7, missing: [], unexpected: [], mismatched: [] } };
      case 'train-step':
        return { value: this.#step(request) };
      case 'train-save':
        if (behaviour.saveError !== undefined) throw behaviour.saveError;
        writeFileSync(join(String(request.folder), 'rank-00000-of-00001.safetensors'), String(this.#weight));
        return { value: { files: ['rank-00000-of-00001.safetensors'] } };
      case 'train-restore':
        return { value: this.#restore(String(request.folder), request.files as readonly string[]) };
      case 'train-export':
        writeFileSync(String(request.path), String(this.#weight));
        return { value: { parameters: 7 } };
      case 'sample': {
        if (behaviour.sampleError !== undefined) throw behaviour.sampleError;
        const items = request.items as readonly unknown[];
        const images = Object.fromEntries(items.map((_, i) => [`image.${i}`, pixels]));
        return { value: { timings: {} }, tensors: images };
      }
      case 'encode':
        return { value: {}, tensors: { 'latent.0': latent } };
      case 'decode':
        return { value: {}, tensors: { 'image.0': pixels } };
      case 'cache-write':
        writeFileSync(String(request.path), JSON.stringify(Object.keys((options.tensors ?? {}) as object)));
        return { value: { samples: (request.items as readonly unknown[]).length } };
      case 'statistics-save':
        return { value: { images: 3, channels: 4 } };
      default:
        return { value: {} };
    }
  }

  #step(request: Record<string, unknown>): object {
    const step = Number(request.step);
    behaviour.onStep(step);
    const draws = drawsOf(request);
    if (behaviour.badSteps(step))
      return {
        // As JSON has it.
        loss: null,
        total: null,
        gradNorm: null,
        applied: false,
        samples: [],
        milliseconds: {},
      };
    for (const draw of draws) this.#weight += draw * Number(request.lr);
    const loss = 1 / (step + 1);
    return {
      loss,
      total: loss,
      gradNorm: 1,
      applied: true,
      samples: [[0.5, loss]],
      milliseconds: { forward: 1 },
    };
  }

  #restore(folder: string, [name = '']: readonly string[]): object {
    const file = join(folder, name);
    if (!existsSync(file)) throw new SvgT2IError('ERR_SVGT2I_FILE_NOT_FOUND', file);
    const text = readFileSync(file, 'utf8');
    if (Number.isNaN(Number(text))) {
      throw new SvgT2IError('ERR_SVGT2I_WEIGHTS_MISMATCH', `${file} is the state of another model`);
    }
    this.#weight = Number(text);
    return {};
  }
}

/** Numbers of a step's samples. */
export function drawsOf(request: Readonly<Record<string, unknown>>): readonly number[] {
  if (Array.isArray(request.draws)) return request.draws as number[];
  return (request.micro as readonly (readonly { readonly draw: number }[])[]).flat().map(({ draw }) => draw);
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
