/** The typed pipeline: a release loaded once, then pictures from text, and pictures to features and back. */

import { randomInt } from 'node:crypto';
import { z } from 'zod';
import type { SignalOptions } from './abort.js';
import { linkedController, throwIfAborted } from './abort.js';
import { callerFrames, withCaller } from './caller.js';
import { ENCODER_SOURCES } from './config/encoder-model.js';
import { PUBLISHED_CELL_PIXELS } from './config/latent-grid.js';
import type { ResolvedModelOptions } from './config/model.js';
import type { Settings } from './config/settings.js';
import { checkArgument, signalOptionsSchema } from './config/values.js';
import { DisposedError, SvgT2IError } from './errors.js';
import { ENCODERS } from './facts.js';
import { psnr } from './image/psnr.js';
import type { RgbImage } from './image/rgb-image.js';
import { imageSchema } from './image/schema.js';
import { tokensTensor } from './pipeline/captions.js';
import { type CheckedSettings, checkRequest } from './pipeline/check-request.js';
import {
  checkWriter,
  enhanceInstruction,
  MAX_ENHANCE_TOKENS,
  tidyEnhancedPrompt,
} from './pipeline/enhance.js';
import { disposeWhenForgotten, isNotForgotten } from './pipeline/forgotten.js';
import type { GeneratedImage } from './pipeline/generated-image.js';
import type { Latent } from './pipeline/latent.js';
import { Once } from './pipeline/once.js';
import { SampleRun } from './pipeline/sample-run.js';
import { checkSubjects } from './pipeline/subjects.js';
import {
  checkCells,
  imageFrom,
  imageTensor,
  latentFrom,
  latentSchema,
  latentTensor,
} from './pipeline/tensors.js';
import { NO_TIME } from './pipeline/timings.js';
import type {
  FailedImage,
  GenerateEvent,
  GenerateRequest,
  GenerateResult,
  Reconstruction,
  Timings,
} from './pipeline/types.js';
import type { FoundRelease } from './release/found-release.js';
import { type Loaded, loadFound, loadRelease } from './release/load.js';
import type { LoadHow } from './release/load-options.js';
import { noRaeEncoder } from './release/rae-files.js';
import type { LoadedModels, LoadOptions } from './release/types.js';
import type { OpenTokenizer } from './text/open-tokenizer.js';
import { unanswered } from './text/unanswered.js';

const imagesSchema = z.array(imageSchema, { error: 'must be a list of pictures' });
const latentsSchema = z.array(latentSchema, { error: 'must be a list of latents' });

/**
 * A loaded release. It has a thread of its own, on which calls take their turns; requests for pictures are drawn
 * together, each in its own number of steps. The event loop stays free.
 *
 * @example
 * const pipe = await SvgT2I.load({ pretrained: 'pre-trained' });
 * try {
 *   const { images } = await pipe.generate({ prompt: 'a red fox in the snow', seed: 7 });
 *   await images[0]?.save('fox.png');
 * } finally {
 *   await pipe.dispose(); // or `await using pipe = ...`, in TypeScript and from Node 24 on
 * }
 */
export class SvgT2I {
  readonly #loaded: Loaded;
  /** Of pictures that are asked for one by one, as servers do. */
  readonly #enhanced = new Once<string>();

  private constructor(loaded: Loaded) {
    this.#loaded = loaded;
    disposeWhenForgotten(this, loaded.engine);
  }

  /**
   * Finds and loads a release. The first call in a process opens libtorch, on another thread.
   *
   * @throws SvgT2IError ERR_SVGT2I_WEIGHTS_MISSING with every place looked in, ERR_SVGT2I_WEIGHTS_MISMATCH where the parts do
   *   not belong together, ERR_SVGT2I_DEVICE_UNAVAILABLE, ERR_SVGT2I_LIBTORCH_MISSING, ERR_SVGT2I_INVALID_ARGUMENT; or the
   *   signal's reason
   *
   * @example
   * const pipe = await SvgT2I.load({ pretrained: 'pre-trained', dtype: 'bf16', device: 'cuda:0' });
   */
  static async load(options: LoadOptions = {}): Promise<SvgT2I> {
    const caller = callerFrames(SvgT2I.load);
    try {
      return new SvgT2I(await loadRelease(options));
    } catch (error) {
      throw withCaller(error, caller);
    }
  }

  /** @internal One that was found already, by options that were checked. */
  static async loadFound(found: FoundRelease<ResolvedModelOptions>, how: LoadHow): Promise<SvgT2I> {
    return new SvgT2I(await loadFound(found, how));
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

  /** @internal Sizes that it was trained on, as `WIDTHxHEIGHT`; undefined where the release does not say. */
  get trainedSizes(): readonly string[] | undefined {
    return this.#loaded.trainedSizes;
  }

  /** @internal Of a model of classes: their names in the order of their numbers; undefined where no file names them. */
  get classNames(): readonly string[] | undefined {
    const { models, classNames } = this.#loaded;
    if (classNames === undefined) return undefined;
    return Array.from({ length: models.dit?.classes ?? 0 }, (_, i) => classNames.nameOf(i) ?? `class ${i}`);
  }

  /** Whether dispose() was called. */
  get disposed(): boolean {
    return this.#loaded.engine.disposed;
  }

  /**
   * Draws every picture of a request.
   *
   * @throws SvgT2IError ERR_SVGT2I_INVALID_ARGUMENT before any work, ERR_SVGT2I_OUT_OF_MEMORY, ERR_SVGT2I_DISPOSED; or the
   *   signal's reason
   *
   * @example
   * const { images, timings } = await pipe.generate({
   *   prompt: ['a red fox', 'a blue jay'],
   *   count: 2,
   *   signal: AbortSignal.timeout(60_000),
   * });
   */
  async generate(request: GenerateRequest): Promise<GenerateResult> {
    const images: GeneratedImage[] = [];
    const failures: FailedImage[] = [];
    const warnings: string[] = [];
    let timings: Timings = NO_TIME;
    const caller = callerFrames(this.generate);
    try {
      for await (const event of this.stream(request)) {
        if (event.type === 'image') images.push(event.image);
        else if (event.type === 'failed') {
          const { type: _, ...failure } = event;
          failures.push(failure);
        } else if (event.type === 'warning') warnings.push(event.message);
        else if (event.type === 'done') timings = event.timings;
      }
    } catch (error) {
      throw withCaller(error, caller);
    }
    return { images, failures, warnings, timings };
  }

  /**
   * Draws a request and tells what happens. A picture is drawn only after the events of the one before were taken;
   * leaving the loop ends the run at its next step.
   *
   * @throws SvgT2IError as generate()
   *
   * @example
   * for await (const event of pipe.stream({ prompt: 'a red fox', previewEvery: 10 })) {
   *   if (event.type === 'step') console.error(`step ${event.step} of ${event.steps}`);
   *   if (event.type === 'image') await event.image.save('fox.png');
   * }
   */
  async *stream(request: GenerateRequest): AsyncGenerator<GenerateEvent, void> {
    const { run, signal } = this.#prepare(request);
    throwIfAborted(signal);
    // Not `using`: in a realm of its own (jest) Node.js 20 has no Symbol.dispose.
    const either = linkedController(signal);
    try {
      yield* run.events(either.signal);
    } finally {
      either.end();
    }
  }

  /** @internal Throws what stream() throws of a request before any work; returns its settings with all defaults. */
  check(request: GenerateRequest): CheckedSettings {
    return this.#prepare(request).settings;
  }

  #prepare(request: GenerateRequest) {
    const { signal, noise, only, returnLatents, returnDecoded, previewEvery, keepGoing, ...settings } =
      checkRequest(request, this.#loaded.defaults, this.#cellPixels());
    const seed = settings.seed === 'random' ? randomInt(2 ** 47) : settings.seed;
    this.#engine();
    const subjects = checkSubjects(settings, this.#loaded);
    const { kind } = this.#loaded;
    const tokenizer = kind.condition === 'text' ? this.#tokenizer() : undefined;
    if (tokenizer !== undefined && settings.systemPrompt === 'enhance') checkWriter(tokenizer);
    const run = new SampleRun(
      this.#loaded,
      tokenizer,
      { ...settings, ...subjects, seed },
      {
        noise,
        only,
        returnLatents,
        returnDecoded,
        previewEvery,
        keepGoing,
        enhance: (text, until) =>
          this.#enhanced.get(text, () => this.enhancePrompt(text, { signal: until }), until),
      },
    );
    return { run, settings, signal };
  }

  /**
   * Features of pictures, un-normalised: what decode() takes.
   *
   * @param images whose sides are multiples of `models.autoencoder.cellPixels`, 16 with the published ones
   * @throws SvgT2IError ERR_SVGT2I_INVALID_ARGUMENT, ERR_SVGT2I_WEIGHTS_MISSING without the encoder's weights; or the signal's
   *   reason
   *
   * @example
   * const [latent] = await pipe.encode([await readImage('fox.png')]);
   */
  async encode(images: readonly RgbImage[], options: SignalOptions = {}): Promise<readonly Latent[]> {
    const checked = checkArgument('images', imagesSchema, images);
    const { signal } = checkArgument('options', signalOptionsSchema, options);
    if (checked.length === 0) return [];
    this.#checkEncoder();
    for (const [i, image] of checked.entries()) checkCells(image, i, this.#cellPixels());
    const tensors = Object.fromEntries(checked.map((image, i) => [`image.${i}`, imageTensor(image)]));
    const result = await this.#engine().run('encode', {}, { tensors, signal });
    return checked.map((_, i) => latentFrom(result.tensors, `latent.${i}`));
  }

  /**
   * Pictures of features, `models.autoencoder.cellPixels` times as wide and high.
   *
   * @throws SvgT2IError ERR_SVGT2I_INVALID_ARGUMENT; or the signal's reason
   *
   * @example
   * const [image] = await pipe.decode(await pipe.encode([picture]));
   */
  async decode(latents: readonly Latent[], options: SignalOptions = {}): Promise<readonly RgbImage[]> {
    const checked = checkArgument('latents', latentsSchema, latents);
    const { signal } = checkArgument('options', signalOptionsSchema, options);
    if (checked.length === 0) return [];
    const tensors = Object.fromEntries(checked.map((latent, i) => [`latent.${i}`, latentTensor(latent, i)]));
    const result = await this.#engine().run('decode', {}, { tensors, signal });
    return checked.map((_, i) => imageFrom(result.tensors, `image.${i}`));
  }

  /**
   * Encodes and decodes pictures one by one and measures what is lost.
   *
   * @param images whose sides are multiples of `models.autoencoder.cellPixels`, 16 with the published ones
   * @throws SvgT2IError as encode()
   *
   * @example
   * const [{ image, psnr }] = await pipe.reconstruct([await readImage('fox.png')]);
   */
  async reconstruct(
    images: readonly RgbImage[],
    options: SignalOptions = {},
  ): Promise<readonly Reconstruction[]> {
    const checked = checkArgument('images', imagesSchema, images);
    const results: Reconstruction[] = [];
    for (const original of checked) {
      // One at a time: Autoencoder-R aligns its two branches over the whole batch, and was trained on single images.
      const [image] = await this.decode(await this.encode([original], options), options);
      if (image !== undefined) results.push({ image, psnr: psnr(original, image) });
    }
    return results;
  }

  /**
   * A longer description of the same picture, written by the text encoder (greedy, so always the same).
   *
   * @throws SvgT2IError ERR_SVGT2I_INVALID_ARGUMENT, also for a prompt beyond what the text encoder can go on from (some
   *   7,900 tokens), ERR_SVGT2I_NOT_LOADED without the text encoder; or the signal's reason
   *
   * @example
   * const prompt = await pipe.enhancePrompt('a cat on a sofa');
   */
  async enhancePrompt(prompt: string, options: SignalOptions = {}): Promise<string> {
    checkArgument('prompt', z.string(), prompt);
    const { signal } = checkArgument('options', signalOptionsSchema, options);
    const tokenizer = this.#tokenizer();
    checkWriter(tokenizer);
    const [{ ids } = unanswered()] = await tokenizer.encode([enhanceInstruction(prompt)]);
    const limit = (this.models.textEncoder?.maxTokens ?? Number.POSITIVE_INFINITY) - MAX_ENHANCE_TOKENS;
    if (ids.length > limit) {
      throw new SvgT2IError(
        'ERR_SVGT2I_INVALID_ARGUMENT',
        `the prompt is too long to be enhanced: with its instruction it has ${ids.length} tokens, the limit is ${limit}`,
        { hint: 'Shorten it; a picture follows its first 256 tokens or so anyway.' },
      );
    }
    const { value } = await this.#engine().run(
      'generate-text',
      { maxNewTokens: MAX_ENHANCE_TOKENS },
      { tensors: { tokens: tokensTensor(ids) }, signal },
    );
    const written = await tokenizer.decode(value.ids, { skipSpecialTokens: true });
    return tidyEnhancedPrompt(written, prompt);
  }

  /**
   * Rejects what runs and what waits with a DisposedError, and frees the models. A second call waits for the first.
   *
   * @example
   * await pipe.dispose();
   */
  async dispose(): Promise<void> {
    isNotForgotten(this);
    await Promise.all([this.#loaded.engine.dispose(), this.#loaded.tokenizer?.dispose()]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }

  /** Sampling needs no encoder, so that it is missing shows only here. */
  #checkEncoder(): void {
    if (this.models.autoencoder?.canEncode !== false) return;
    const { folder, autoencoder } = this.#loaded.layout;
    if (autoencoder?.rae !== undefined) throw noRaeEncoder(autoencoder.checkpoint);
    const kind = autoencoder?.config?.encoderKind ?? 'dinov3';
    const name = autoencoder?.config?.encoder ?? 'dinov3_vits16plus_pretrain_lvd1689m-4057cbaa.pth';
    throw new SvgT2IError(
      'ERR_SVGT2I_WEIGHTS_MISSING',
      `no ${ENCODERS[kind].title} weights to encode with: ${name} is not in ${folder}`,
      { hint: `Get them from ${ENCODER_SOURCES[kind]} and put them there.` },
    );
  }

  /** Pixels a side of a latent's cell. */
  #cellPixels(): number {
    return this.#loaded.models.autoencoder?.cellPixels ?? PUBLISHED_CELL_PIXELS;
  }

  #engine() {
    if (this.disposed) throw new DisposedError('The pipeline');
    return this.#loaded.engine;
  }

  #tokenizer(): OpenTokenizer {
    if (this.disposed) throw new DisposedError('The pipeline');
    const { tokenizer } = this.#loaded;
    if (tokenizer !== undefined) return tokenizer;
    throw new SvgT2IError('ERR_SVGT2I_NOT_LOADED', 'the text encoder was not loaded', {
      hint: 'Leave `parts` out of SvgT2I.load(), or name textEncoder in it.',
    });
  }
}
