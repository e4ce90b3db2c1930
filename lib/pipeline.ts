/** The typed pipeline: a release loaded once, then pictures from text, and pictures to features and back. */
import { randomInt } from 'node:crypto';
import { defined } from './config/defined.js';
import { requestSchema, type Settings } from './config/request.js';
import { validate } from './config/validate.js';
import { DisposedError, SvgT2IError } from './errors.js';
import { psnr } from './image/psnr.js';
import type { RgbImage } from './image/rgb-image.js';
import { tokensTensor } from './pipeline/captions.js';
import {
  checkWriter,
  enhanceInstruction,
  MAX_ENHANCE_TOKENS,
  tidyEnhancedPrompt,
} from './pipeline/enhance.js';
import type { GeneratedImage } from './pipeline/generated-image.js';
import { type Loaded, type LoadedModels, type LoadOptions, loadRelease } from './pipeline/load.js';
import { SampleRun } from './pipeline/sample-run.js';
import { imageFrom, imageTensor, latentFrom, latentTensor } from './pipeline/tensors.js';
import type {
  FailedImage,
  GenerateEvent,
  GenerateRequest,
  GenerateResult,
  Latent,
  Reconstruction,
  SignalOptions,
  Timings,
} from './pipeline/types.js';
import type { Tokenizer } from './text/tokenizer.js';

export class SvgT2I {
  readonly #loaded: Loaded;

  private constructor(loaded: Loaded) {
    this.#loaded = loaded;
  }

  /**
   * Finds and loads a release. Throws SvgT2IError: ERR_SVGT2I_WEIGHTS_MISSING with every place looked in,
   * ERR_SVGT2I_WEIGHTS_MISMATCH where the parts do not belong together, ERR_SVGT2I_DEVICE_UNAVAILABLE.
   */
  static async load(options: LoadOptions = {}): Promise<SvgT2I> {
    return new SvgT2I(await loadRelease(options));
  }

  /** Device, dtype and dimensions of the loaded models. */
  get models(): LoadedModels {
    return this.#loaded.models;
  }

  /** Remarks about the release's files. */
  get warnings(): readonly string[] {
    return this.#loaded.layout.warnings;
  }

  /** Settings of the release's defaults.yaml: what a request takes where it says nothing. */
  get defaults(): Settings {
    return this.#loaded.defaults;
  }

  get disposed(): boolean {
    return this.#loaded.engine.disposed;
  }

  /** Draws every picture of a request. Rejects with SvgT2IError or the signal's reason. */
  async generate(request: GenerateRequest): Promise<GenerateResult> {
    const images: GeneratedImage[] = [];
    const failures: FailedImage[] = [];
    const warnings: string[] = [];
    let timings: Timings = {};
    for await (const event of this.stream(request)) {
      if (event.type === 'image') images.push(event.image);
      else if (event.type === 'failed') {
        const { type: _, ...failure } = event;
        failures.push(failure);
      } else if (event.type === 'warning') warnings.push(event.message);
      else if (event.type === 'done') timings = event.timings;
    }
    return { images, failures, warnings, timings };
  }

  /**
   * Draws a request and tells what happens. A picture is drawn only after the events of the one before were taken;
   * leaving the loop ends the run at its next step.
   */
  async *stream(request: GenerateRequest): AsyncGenerator<GenerateEvent, void> {
    const {
      signal,
      noise,
      only,
      returnLatents = false,
      returnDecoded = false,
      previewEvery = 0,
      keepGoing = false,
      ...settings
    } = request;
    const asked = { ...this.#loaded.defaults, ...defined(settings) };
    const checked = validate(requestSchema, asked, { code: 'ERR_SVGT2I_INVALID_ARGUMENT' });
    const seed = checked.seed === 'random' ? randomInt(2 ** 47) : checked.seed;
    const prompt = typeof checked.prompt === 'string' ? [checked.prompt] : checked.prompt;
    const tokenizer = this.#tokenizer();
    if (checked.systemPrompt === 'enhance') checkWriter(tokenizer);
    const run = new SampleRun(
      this.#loaded,
      tokenizer,
      { ...checked, seed, prompt },
      {
        noise,
        only,
        returnLatents,
        returnDecoded,
        previewEvery,
        keepGoing,
        enhance: (text, either) => this.enhancePrompt(text, { signal: either }),
      },
    );
    signal?.throwIfAborted();
    const left = new AbortController();
    try {
      yield* run.events(signal === undefined ? left.signal : AbortSignal.any([signal, left.signal]));
    } finally {
      left.abort();
    }
  }

  /** Features of pictures whose sides are multiples of 16, un-normalised: what decode() takes. */
  async encode(images: readonly RgbImage[], options: SignalOptions = {}): Promise<readonly Latent[]> {
    if (images.length === 0) return [];
    this.#checkEncoder();
    const tensors = Object.fromEntries(images.map((image, i) => [`image.${i}`, imageTensor(image, i)]));
    const result = await this.#engine().run('encode', {}, { tensors, signal: options.signal });
    return images.map((_, i) => latentFrom(result.tensors, `latent.${i}`));
  }

  /** Pictures of features, 16 times as wide and high. */
  async decode(latents: readonly Latent[], options: SignalOptions = {}): Promise<readonly RgbImage[]> {
    if (latents.length === 0) return [];
    const tensors = Object.fromEntries(latents.map((latent, i) => [`latent.${i}`, latentTensor(latent, i)]));
    const result = await this.#engine().run('decode', {}, { tensors, signal: options.signal });
    return latents.map((_, i) => imageFrom(result.tensors, `image.${i}`));
  }

  /** Encodes and decodes pictures one by one and measures what is lost. */
  async reconstruct(
    images: readonly RgbImage[],
    options: SignalOptions = {},
  ): Promise<readonly Reconstruction[]> {
    const results: Reconstruction[] = [];
    for (const original of images) {
      // One at a time: Autoencoder-R aligns its two branches over the whole batch, and was trained on single images.
      const [image] = await this.decode(await this.encode([original], options), options);
      if (image !== undefined) results.push({ image, psnr: psnr(original, image) });
    }
    return results;
  }

  /**
   * A longer description of the same picture, written by the text encoder (greedy, so always the same). Rejects with
   * ERR_SVGT2I_INVALID_ARGUMENT for a prompt beyond what the text encoder can go on from (some 7,900 tokens).
   */
  async enhancePrompt(prompt: string, options: SignalOptions = {}): Promise<string> {
    const tokenizer = this.#tokenizer();
    checkWriter(tokenizer);
    const { ids } = tokenizer.encode(enhanceInstruction(prompt));
    const limit = (this.models.textEncoder?.maxTokens ?? Number.POSITIVE_INFINITY) - MAX_ENHANCE_TOKENS;
    if (ids.length > limit) {
      throw new SvgT2IError(
        'ERR_SVGT2I_INVALID_ARGUMENT',
        `the prompt is too long to be enhanced: with its instruction it has ${ids.length} tokens, the limit is ${limit}`,
        { hint: 'Shorten it; a picture follows its first 256 tokens or so anyway.' },
      );
    }
    const { value } = await this.#engine().run<{ readonly ids: readonly number[] }>(
      'generate-text',
      { maxNewTokens: MAX_ENHANCE_TOKENS },
      { tensors: { tokens: tokensTensor(ids) }, signal: options.signal },
    );
    return tidyEnhancedPrompt(tokenizer.decode(value.ids, { skipSpecialTokens: true }), prompt);
  }

  /** Ends what runs and frees the models. A second call waits for the first. */
  async dispose(): Promise<void> {
    await this.#loaded.engine.dispose();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }

  /** Sampling needs no encoder, so that it is missing shows only here. */
  #checkEncoder(): void {
    if (this.models.autoencoder?.canEncode !== false) return;
    const { folder, autoencoder } = this.#loaded.layout;
    const name = autoencoder?.config?.encoder ?? 'dinov3_vits16plus_pretrain_lvd1689m-4057cbaa.pth';
    throw new SvgT2IError(
      'ERR_SVGT2I_WEIGHTS_MISSING',
      `no DINOv3 weights to encode with: ${name} is not in ${folder}`,
      {
        hint: 'Get them from facebookresearch/dinov3 or facebook/dinov3-vits16plus-pretrain-lvd1689m and put them there.',
      },
    );
  }

  #engine() {
    if (this.disposed) throw new DisposedError('The pipeline');
    return this.#loaded.engine;
  }

  #tokenizer(): Tokenizer {
    if (this.disposed) throw new DisposedError('The pipeline');
    const { tokenizer } = this.#loaded;
    if (tokenizer !== undefined) return tokenizer;
    throw new SvgT2IError('ERR_SVGT2I_NOT_LOADED', 'the text encoder was not loaded', {
      hint: 'Leave `parts` out of SvgT2I.load(), or name textEncoder in it.',
    });
  }
}
