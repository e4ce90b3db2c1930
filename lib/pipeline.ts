/** The typed pipeline: a release loaded once, then pictures from text, and pictures to features and back. */
import { randomInt } from 'node:crypto';
import { type ResolvedRequest, requestSchema } from './config/request.js';
import { validate } from './config/validate.js';
import { DisposedError, SvgT2IError } from './errors.js';
import { psnr } from './image/psnr.js';
import type { RgbImage } from './image/rgb-image.js';
import { encodeCaptions, tokensTensor } from './pipeline/captions.js';
import { enhanceInstruction, MAX_ENHANCE_TOKENS, tidyEnhancedPrompt } from './pipeline/enhance.js';
import { EventQueue } from './pipeline/event-queue.js';
import { GeneratedImage } from './pipeline/generated-image.js';
import { type Loaded, type LoadedModels, type LoadOptions, loadRelease } from './pipeline/load.js';
import { imageMetadata } from './pipeline/metadata.js';
import { listItems, type SampleItem, type SampleJob, sampleJob } from './pipeline/sample-job.js';
import { decodedFrom, imageFrom, imageTensor, latentFrom, latentTensor } from './pipeline/tensors.js';
import type {
  DecodedImage,
  GenerateEvent,
  GenerateRequest,
  GenerateResult,
  Latent,
  Reconstruction,
  SignalOptions,
  Timings,
} from './pipeline/types.js';
import type { Tokenizer } from './text/tokenizer.js';

/** What the engine's `sample` job reports while it runs; `item` counts within the job. */
type SampleJobEvent =
  | { readonly type: 'encode' | 'decode'; readonly item?: number }
  | {
      readonly type: 'step';
      readonly item?: number;
      readonly step: number;
      readonly steps: number;
      readonly t: number;
    }
  | { readonly type: 'preview'; readonly item?: number; readonly step: number };

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

  get disposed(): boolean {
    return this.#loaded.engine.disposed;
  }

  /** Draws every picture of a request. Rejects with SvgT2IError or the signal's reason. */
  async generate(request: GenerateRequest): Promise<GenerateResult> {
    const images: GeneratedImage[] = [];
    const warnings: string[] = [];
    let timings: Timings = {};
    for await (const event of this.stream(request)) {
      if (event.type === 'image') images.push(event.image);
      else if (event.type === 'warning') warnings.push(event.message);
      else if (event.type === 'done') timings = event.timings;
    }
    return { images, warnings, timings };
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
      ...settings
    } = request;
    const checked = validate(requestSchema, settings, { code: 'ERR_SVGT2I_INVALID_ARGUMENT' });
    const seed = checked.seed === 'random' ? randomInt(2 ** 47) : checked.seed;
    const resolved = { ...checked, seed };
    const prompts = typeof resolved.prompt === 'string' ? [resolved.prompt] : resolved.prompt;
    const all = listItems(resolved, prompts.length, noise);
    const items = only === undefined ? all : all.filter((item) => only.includes(item.index));
    const tokenizer = this.#tokenizer();
    signal?.throwIfAborted();

    const left = new AbortController();
    const either = signal === undefined ? left.signal : AbortSignal.any([signal, left.signal]);
    try {
      const texts = await this.#enhanceIfAsked(prompts, resolved, either);
      const captions = encodeCaptions(tokenizer, {
        ...resolved,
        prompts: texts,
        maxTokens: this.models.dit?.maxCaptionTokens,
      });
      for (const message of captions.warnings) yield { type: 'warning', message };
      const timings: Record<string, number> = {};
      const latentChannels = this.models.dit?.channels ?? 0;
      for (let start = 0; start < items.length; start += resolved.batchSize) {
        const batch = items.slice(start, start + resolved.batchSize);
        const returns = { returnLatents, returnDecoded };
        const job = sampleJob(resolved, captions, batch, { latentChannels, ...returns, previewEvery });
        const spent = yield* this.#runJob(job, { request: resolved, prompts, texts, ...returns }, either);
        for (const [stage, seconds] of Object.entries(spent))
          timings[stage] = (timings[stage] ?? 0) + seconds;
      }
      yield { type: 'done', images: items.length, timings };
    } finally {
      left.abort();
    }
  }

  /** Features of pictures whose sides are multiples of 16, un-normalised: what decode() takes. */
  async encode(images: readonly RgbImage[], options: SignalOptions = {}): Promise<readonly Latent[]> {
    if (images.length === 0) return [];
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

  /** A longer description of the same picture, written by the text encoder (greedy, so always the same). */
  async enhancePrompt(prompt: string, options: SignalOptions = {}): Promise<string> {
    const tokenizer = this.#tokenizer();
    const { ids } = tokenizer.encode(enhanceInstruction(prompt));
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

  async *#runJob(
    job: SampleJob,
    context: {
      readonly request: ResolvedRequest;
      readonly prompts: readonly string[];
      readonly texts: readonly string[];
      readonly returnLatents: boolean;
      readonly returnDecoded: boolean;
    },
    signal: AbortSignal,
  ): AsyncGenerator<GenerateEvent, Timings> {
    const queue = new EventQueue<GenerateEvent>();
    const first = job.items[0]?.index ?? 0;
    const work = this.#engine().run<{ readonly timings: Timings }, SampleJobEvent>('sample', job.request, {
      tensors: job.tensors,
      signal,
      onEvent: (event, tensors) => {
        const index = first + (event.item ?? 0);
        if (event.type === 'step')
          queue.push({ type: 'step', index, step: event.step, steps: event.steps, t: event.t });
        else if (event.type === 'preview') {
          queue.push({ type: 'preview', index, step: event.step, image: imageFrom(tensors, 'image') });
        } else queue.push({ type: event.type, index });
      },
    });
    const { value, tensors } = yield* queue.drain(work);
    for (const [position, item] of job.items.entries()) {
      const pixels = imageFrom(tensors, `image.${position}`);
      const latent = context.returnLatents ? latentFrom(tensors, `latent.${position}`) : undefined;
      const decoded = context.returnDecoded ? decodedFrom(tensors, `float.${position}`) : undefined;
      const image = this.#picture(item, { pixels, latent, decoded }, context);
      yield { type: 'image', index: item.index, image };
    }
    return value.timings;
  }

  #picture(
    item: SampleItem,
    drawn: {
      readonly pixels: RgbImage;
      readonly latent: Latent | undefined;
      readonly decoded: DecodedImage | undefined;
    },
    context: {
      readonly request: ResolvedRequest;
      readonly prompts: readonly string[];
      readonly texts: readonly string[];
    },
  ): GeneratedImage {
    const prompt = context.prompts[item.promptIndex] ?? '';
    const enhanced = context.texts[item.promptIndex];
    const metadata = imageMetadata({
      request: context.request,
      prompt,
      enhancedPrompt: enhanced === prompt ? undefined : enhanced,
      seed: item.seed,
      givenNoise: item.noise !== undefined,
      loaded: this.#loaded,
    });
    return new GeneratedImage({ index: item.index, seed: item.seed, prompt, metadata, ...drawn });
  }

  /** The original's "enhance": the prompt is rewritten, then drawn with the text of "align". */
  async #enhanceIfAsked(
    prompts: readonly string[],
    request: ResolvedRequest,
    signal: AbortSignal,
  ): Promise<readonly string[]> {
    if (request.systemPrompt !== 'enhance') return prompts;
    const texts: string[] = [];
    for (const prompt of prompts) texts.push(await this.enhancePrompt(prompt, { signal }));
    return texts;
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
