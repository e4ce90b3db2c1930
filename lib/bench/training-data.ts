/** What the rows of training are given: pictures with captions, small frozen encoders, a feature cache; and the models. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  loadAutoencoderTrainingConfig,
  loadDitTrainingConfig,
  type TrainingConfig,
} from '../config/train.js';
import type { COMPUTE_DTYPES } from '../facts.js';
import { writeFeatureCache } from '../features/feature-cache.js';
import { encodeImage } from '../image/encode.js';
import { tinyReleaseFiles, writeTinyRelease } from '../release/tiny-release.js';

export interface TrainingVariant {
  readonly stage: TrainingConfig['stage'];
  readonly precision: (typeof COMPUTE_DTYPES)[number];
  /** Of the DiT: features are read, not encoded. */
  readonly cached?: boolean;
}

const PICTURES = 64;
const [WIDTH, HEIGHT] = [192, 160];
const WORDS = 'a large small red green blue circle square left of above two'.split(' ');

const encoder = { embed_dim: 192, depth: 6, num_heads: 3 };
const text = { words: WORDS, width: 256, layers: 6 };
const dit = { dim: 192, n_layers: 4, n_refiner_layers: 1, n_heads: 4, n_kv_heads: 2, multiple_of: 64 };
const decoder = { ch: 32, ch_mult: [1, 1, 2, 2, 4], num_res_blocks: 1 };

/** What every run has. */
const common = (steps: number) => ({
  steps,
  device: 'cpu',
  logEvery: 1,
  checkpoints: { every: steps },
});

/** Files in a folder that the caller removes. */
export class TrainingData {
  readonly #folder: string;
  #hasCache = false;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async write(): Promise<void> {
    await mkdir(join(this.#folder, 'pictures'));
    const lines: string[] = [];
    for (let i = 0; i < PICTURES; i++) {
      const data = Uint8Array.from({ length: WIDTH * HEIGHT * 3 }, (_, k) => (k * (i + 2) + (k >> 6)) % 256);
      const png = await encodeImage({ width: WIDTH, height: HEIGHT, data }, { format: 'png' });
      await writeFile(join(this.#folder, `pictures/${i}.png`), png);
      // From 8 words to 39.
      const words = Array.from({ length: 8 + (i % 32) }, (_, k) => WORDS[(i * k + k) % WORDS.length]);
      lines.push(JSON.stringify({ path: `pictures/${i}.png`, prompt: words.join(' ') }));
    }
    await writeFile(this.#list, lines.join('\n'));
    await writeTinyRelease(this.#release, 1, { encoder, text });
  }

  /** The configuration of a run. */
  async config(variant: TrainingVariant, steps: number, threads?: number): Promise<TrainingConfig> {
    const shared = { ...common(steps), precision: variant.precision, ...(threads && { threads }) };
    if (variant.stage === 'autoencoder') return await this.#autoencoder(shared);
    const flags = this.#dit(shared);
    if (variant.cached !== true) return await loadDitTrainingConfig({ flags });
    return await loadDitTrainingConfig({ flags: { ...flags, data: { ...flags.data, cache: this.#cache } } });
  }

  /** Encodes everything once. */
  async writeCache(signal?: AbortSignal): Promise<void> {
    if (this.#hasCache) return;
    const config = await loadDitTrainingConfig({ flags: this.#dit(common(1)) });
    const device = { device: 'cpu', threads: undefined };
    await writeFeatureCache({ config, folder: this.#cache, device, shardSize: PICTURES, signal });
    this.#hasCache = true;
  }

  #dit<Shared extends object>(shared: Shared) {
    return {
      ...shared,
      stage: 'dit',
      batch: { global: 8 },
      model: { ...dit, in_channels: encoder.embed_dim, cap_feat_dim: text.width },
      frozen: { pretrained: this.#release, dtype: 'fp32' },
      data: { sets: [{ path: this.#list, systemPrompt: 'empty' }], resolution: 128, aspect: 'square' },
      captions: { maxTokens: 64 },
      samples: { every: 0 },
    };
  }

  async #autoencoder(shared: object): Promise<TrainingConfig> {
    const swiglu = { ffn_layer: 'swiglu', ffn_ratio: 6, n_storage_tokens: 4 };
    const flags = {
      ...shared,
      stage: 'autoencoder',
      batch: { global: 4 },
      model: { encoder: { ...encoder, ...swiglu }, decoder },
      encoder: { weights: join(this.#release, tinyReleaseFiles.encoder) },
      data: { sets: [{ path: this.#list }], resolution: 64, aspect: 'square' },
      ema: { decay: 0.999 },
      loss: { discStart: 0, perceptualWeight: 0 },
      samples: { every: 0 },
    };
    return await loadAutoencoderTrainingConfig({ flags });
  }

  get #list(): string {
    return join(this.#folder, 'list.jsonl');
  }

  get #release(): string {
    return join(this.#folder, 'pre-trained');
  }

  get #cache(): string {
    return join(this.#folder, 'features');
  }
}
