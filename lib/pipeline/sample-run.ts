/** Draws the pictures of one request, batch after batch, and tells what happens. */
import { PUBLISHED_CELL_PIXELS } from '../config/latent-grid.js';
import type { ResolvedRequest } from '../config/request.js';
import type { JobValue } from '../native/jobs.js';
import type { ClassSubject } from '../release/class-names.js';
import type { Loaded } from '../release/load.js';
import type { OpenTokenizer } from '../text/open-tokenizer.js';
import { CaptionEncoder, type Captions } from './captions.js';
import { EventQueue } from './event-queue.js';
import { GeneratedImage } from './generated-image.js';
import { imageMetadata } from './metadata.js';
import { isOwnFailure } from './own-failure.js';
import { type LatentGrid, noiseTensor, type SampleItem, SampleItems, sampleJob } from './sample-job.js';
import { decodedFrom, imageFrom, latentFrom } from './tensors.js';
import { addTimings, NO_TIME } from './timings.js';
import type { Evaluations, GenerateEvent, Timings } from './types.js';

/** A request with its defaults, its prompts as a list and a seed in place of "random". */
export interface RunRequest extends ResolvedRequest {
  readonly prompt: string[];
  /** Of a class-conditional model: one for each of `prompt`, which then are their names. */
  readonly classes?: readonly ClassSubject[] | undefined;
  readonly seed: number;
}

export interface RunOptions {
  readonly noise: readonly Float32Array[] | undefined;
  readonly only: readonly number[] | undefined;
  readonly returnLatents: boolean;
  readonly returnDecoded: boolean;
  readonly previewEvery: number;
  /** A picture that fails is an event, and the others are drawn. */
  readonly keepGoing: boolean;
}

/** An item and the text that is drawn: the prompt, or what Gemma made of it. */
interface TextItem extends SampleItem {
  readonly text: string;
}

/** Seconds and counts of a batch that is done. */
interface SpentEvent {
  readonly type: 'spent';
  readonly timings: Timings;
}

/** Channels of the transformer, cells of the autoencoder. */
function latentGrid({ models }: Loaded): LatentGrid {
  return {
    channels: models.dit?.channels ?? 0,
    cellPixels: models.autoencoder?.cellPixels ?? PUBLISHED_CELL_PIXELS,
  };
}

export class SampleRun {
  readonly #loaded: Loaded;
  readonly #request: RunRequest;
  readonly #options: RunOptions;
  readonly #items: SampleItems;
  /** Indices to be drawn, from the first to the last. */
  readonly #wanted: readonly number[] | undefined;
  /** Undefined for a model that reads no text. */
  readonly #captions: CaptionEncoder | undefined;
  readonly #enhance: (prompt: string, signal: AbortSignal) => Promise<string>;
  #enhanced: ReadonlyMap<string, string> = new Map();

  /** Throws ERR_SVGT2I_INVALID_ARGUMENT where the noise or the seeds do not fit the pictures. */
  constructor(
    loaded: Loaded,
    tokenizer: OpenTokenizer | undefined,
    request: RunRequest,
    options: RunOptions & { readonly enhance: (prompt: string, signal: AbortSignal) => Promise<string> },
  ) {
    this.#items = new SampleItems(request, options.noise);
    this.#wanted = options.only === undefined ? undefined : inOrder(options.only, this.#items.total);
    for (const noise of options.noise ?? []) noiseTensor(noise, request, latentGrid(loaded));
    this.#loaded = loaded;
    this.#request = request;
    this.#options = options;
    this.#enhance = options.enhance;
    if (tokenizer === undefined) return;
    this.#captions = new CaptionEncoder(tokenizer, {
      negativePrompt: request.negativePrompt,
      systemPrompt: request.systemPrompt,
      maxTokens: loaded.models.dit?.maxCaptionTokens,
    });
  }

  async *events(signal: AbortSignal): AsyncGenerator<GenerateEvent, void> {
    let timings = NO_TIME;
    const { batchSize } = this.#request;
    const total = this.#wanted?.length ?? this.#items.total;
    let failed = 0;
    const warning = sizeWarning(this.#request, this.#loaded.trainedSizes);
    if (warning !== undefined) yield { type: 'warning', message: warning };
    for (let start = 0; start < total; start += batchSize) {
      const places = Array.from({ length: Math.min(batchSize, total - start) }, (_, i) => start + i);
      const items = places.map((place) => this.#items.at(this.#wanted?.[place] ?? place));
      for await (const event of this.#drawItems(items, signal)) {
        if (event.type === 'spent') timings = addTimings(timings, event.timings);
        else yield event;
        if (event.type === 'failed') failed++;
      }
    }
    yield { type: 'done', images: total - failed, ...(failed === 0 ? {} : { failed }), timings };
  }

  /** Draws items together; where that fails and the run is to go on, each alone, to find the one that fails. */
  async *#drawItems(
    items: readonly SampleItem[],
    signal: AbortSignal,
  ): AsyncGenerator<GenerateEvent | SpentEvent, void> {
    try {
      // Prompts are enhanced and cut to tokens batch by batch: a long list must not hold up the event loop.
      const spent = yield* this.#drawBatch(await this.#withTexts(items, signal), signal);
      yield { type: 'spent', timings: spent };
    } catch (error) {
      if (!this.#options.keepGoing || signal.aborted || !isOwnFailure(error)) throw error;
      const [first, ...others] = items;
      if (first === undefined) throw error;
      if (others.length === 0) {
        yield { type: 'failed', index: first.index, seed: first.seed, prompt: first.prompt, error };
        return;
      }
      for (const item of items) yield* this.#drawItems([item], signal);
    }
  }

  async *#drawBatch(items: readonly TextItem[], signal: AbortSignal): AsyncGenerator<GenerateEvent, Timings> {
    const captions: Captions | undefined = await this.#captions?.encode(items.map(({ text }) => text));
    for (const message of captions?.warnings ?? []) yield { type: 'warning', message };
    const latent = latentGrid(this.#loaded);
    const { kind } = this.#loaded;
    const job = sampleJob(this.#request, captions, items, { kind, latent, ...this.#options });
    const queue = new EventQueue<GenerateEvent>();
    const indexOf = (position = 0) => items[position]?.index ?? 0;
    const work = this.#loaded.engine.run('sample', job.request, {
      tensors: job.tensors,
      signal,
      onEvent: (event, tensors) => {
        if (event.type === 'step') {
          const { item, ...step } = event;
          queue.push({ ...step, index: indexOf(item) });
        } else if (event.type === 'preview') {
          const image = imageFrom(tensors, 'image');
          queue.push({ type: 'preview', index: indexOf(event.item), step: event.step, image });
        } else queue.push({ type: event.type, index: indexOf(event.item) });
      },
    });
    const { value, tensors } = yield* queue.drain(work, signal);
    const { returnLatents, returnDecoded } = this.#options;
    const counts = items.map((_, position) => evaluationsOf(value, position));
    for (const [position, item] of items.entries()) {
      const image = new GeneratedImage({
        index: item.index,
        seed: item.seed,
        prompt: item.prompt,
        metadata: { ...this.#metadata(item), ...said(counts[position]) },
        pixels: imageFrom(tensors, `image.${position}`),
        latent: returnLatents ? latentFrom(tensors, `latent.${position}`) : undefined,
        decoded: returnDecoded ? decodedFrom(tensors, `decoded.${position}`) : undefined,
      });
      yield { type: 'image', index: item.index, image };
    }
    return counts.reduce(addTimings, addTimings(NO_TIME, value.timings));
  }

  #metadata(item: TextItem) {
    return imageMetadata({
      request: this.#request,
      prompt: item.prompt,
      class: item.class,
      enhancedPrompt: item.text === item.prompt ? undefined : item.text,
      seed: item.seed,
      givenNoise: item.noise !== undefined,
      loaded: this.#loaded,
    });
  }

  /** The original's "enhance": the prompt is rewritten, then drawn with the text of "align". */
  async #withTexts(items: readonly SampleItem[], signal: AbortSignal): Promise<readonly TextItem[]> {
    if (this.#request.systemPrompt !== 'enhance' || this.#captions === undefined)
      return items.map((item) => ({ ...item, text: item.prompt }));
    const enhanced = new Map<string, string>();
    for (const { prompt } of items) {
      if (enhanced.has(prompt)) continue;
      enhanced.set(prompt, this.#enhanced.get(prompt) ?? (await this.#enhance(prompt, signal)));
    }
    this.#enhanced = enhanced;
    return items.map((item) => ({ ...item, text: enhanced.get(item.prompt) ?? item.prompt }));
  }
}

/** The indices among those of the run, each once, from the first to the last. */
function inOrder(only: readonly number[], total: number): readonly number[] {
  return [...new Set(only)].filter((index) => index >= 0 && index < total).sort((a, b) => a - b);
}

/** How often the model was asked for an item; nothing where the engine does not say. */
function evaluationsOf({ evaluations }: JobValue<'sample'>, position: number): Partial<Evaluations> {
  const counts = evaluations[position];
  if (counts === undefined) return {};
  const { conditional, unconditional, reused } = counts;
  return { evaluations: conditional, unconditionalEvaluations: unconditional, reusedEvaluations: reused };
}

/** As a picture says it: without a step cache there is nothing to reuse. */
function said({ reusedEvaluations, ...computed }: Partial<Evaluations> = {}): Partial<Evaluations> {
  return reusedEvaluations ? { ...computed, reusedEvaluations } : computed;
}

/** Of a size that the models never saw. */
function sizeWarning(
  { width, height }: RunRequest,
  trained: readonly string[] | undefined,
): string | undefined {
  const size = `${width}x${height}`;
  if (trained === undefined || trained.includes(size)) return undefined;
  return `this model was trained on pictures of ${trained.join(', ')} px and may not draw ${size} well`;
}
