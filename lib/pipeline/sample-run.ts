/** Draws the pictures of one request, batch after batch, and tells what happens. */
import type { ResolvedRequest } from '../config/request.js';
import type { Tokenizer } from '../text/tokenizer.js';
import { CaptionEncoder } from './captions.js';
import { EventQueue } from './event-queue.js';
import { GeneratedImage } from './generated-image.js';
import type { Loaded } from './load.js';
import { imageMetadata } from './metadata.js';
import { listItems, type SampleItem, sampleJob } from './sample-job.js';
import { decodedFrom, imageFrom, latentFrom } from './tensors.js';
import type { GenerateEvent, Timings } from './types.js';

/** A request with its defaults, its prompts as a list and a seed in place of "random". */
export interface RunRequest extends ResolvedRequest {
  readonly prompt: string[];
  readonly seed: number;
}

export interface RunOptions {
  readonly noise: readonly Float32Array[] | undefined;
  readonly only: readonly number[] | undefined;
  readonly returnLatents: boolean;
  readonly returnDecoded: boolean;
  readonly previewEvery: number;
}

/** What the engine's `sample` job reports while it runs; `item` counts within the job. */
type SampleJobEvent =
  | { readonly type: 'encode' | 'decode'; readonly item?: number }
  | { readonly type: 'step'; readonly step: number; readonly steps: number; readonly t: number }
  | { readonly type: 'preview'; readonly item?: number; readonly step: number };

/** An item and the text that is drawn: the prompt, or what Gemma made of it. */
interface TextItem extends SampleItem {
  readonly text: string;
}

export class SampleRun {
  readonly #loaded: Loaded;
  readonly #request: RunRequest;
  readonly #options: RunOptions;
  readonly #items: readonly SampleItem[];
  readonly #captions: CaptionEncoder;
  readonly #enhance: (prompt: string, signal: AbortSignal) => Promise<string>;
  #enhanced: ReadonlyMap<string, string> = new Map();

  /** Throws ERR_SVGT2I_INVALID_ARGUMENT where the noise or the seeds do not fit the pictures. */
  constructor(
    loaded: Loaded,
    tokenizer: Tokenizer,
    request: RunRequest,
    options: RunOptions & { readonly enhance: (prompt: string, signal: AbortSignal) => Promise<string> },
  ) {
    const { only } = options;
    const all = listItems(request, options.noise);
    this.#items = only === undefined ? all : all.filter((item) => only.includes(item.index));
    this.#loaded = loaded;
    this.#request = request;
    this.#options = options;
    this.#enhance = options.enhance;
    this.#captions = new CaptionEncoder(tokenizer, {
      negativePrompt: request.negativePrompt,
      systemPrompt: request.systemPrompt,
      maxTokens: loaded.models.dit?.maxCaptionTokens,
    });
  }

  async *events(signal: AbortSignal): AsyncGenerator<GenerateEvent, void> {
    const timings: Record<string, number> = {};
    const { batchSize } = this.#request;
    for (let start = 0; start < this.#items.length; start += batchSize) {
      // Prompts are enhanced and cut to tokens batch by batch: a long list must not hold up the event loop.
      const items = await this.#withTexts(this.#items.slice(start, start + batchSize), signal);
      const spent = yield* this.#drawBatch(items, signal);
      for (const [stage, seconds] of Object.entries(spent)) timings[stage] = (timings[stage] ?? 0) + seconds;
    }
    yield { type: 'done', images: this.#items.length, timings };
  }

  async *#drawBatch(items: readonly TextItem[], signal: AbortSignal): AsyncGenerator<GenerateEvent, Timings> {
    const captions = this.#captions.encode(items.map(({ text }) => text));
    for (const message of captions.warnings) yield { type: 'warning', message };
    const latentChannels = this.#loaded.models.dit?.channels ?? 0;
    const job = sampleJob(this.#request, captions, items, { latentChannels, ...this.#options });
    const queue = new EventQueue<GenerateEvent>();
    const indexOf = (position = 0) => items[position]?.index ?? 0;
    const work = this.#loaded.engine.run<{ readonly timings: Timings }, SampleJobEvent>(
      'sample',
      job.request,
      {
        tensors: job.tensors,
        signal,
        onEvent: (event, tensors) => {
          if (event.type === 'step') queue.push({ ...event, index: indexOf() });
          else if (event.type === 'preview') {
            const image = imageFrom(tensors, 'image');
            queue.push({ type: 'preview', index: indexOf(event.item), step: event.step, image });
          } else queue.push({ type: event.type, index: indexOf(event.item) });
        },
      },
    );
    const { value, tensors } = yield* queue.drain(work, signal);
    const { returnLatents, returnDecoded } = this.#options;
    for (const [position, item] of items.entries()) {
      const image = new GeneratedImage({
        index: item.index,
        seed: item.seed,
        prompt: item.prompt,
        metadata: this.#metadata(item),
        pixels: imageFrom(tensors, `image.${position}`),
        latent: returnLatents ? latentFrom(tensors, `latent.${position}`) : undefined,
        decoded: returnDecoded ? decodedFrom(tensors, `float.${position}`) : undefined,
      });
      yield { type: 'image', index: item.index, image };
    }
    return value.timings;
  }

  #metadata(item: TextItem) {
    return imageMetadata({
      request: this.#request,
      prompt: item.prompt,
      enhancedPrompt: item.text === item.prompt ? undefined : item.text,
      seed: item.seed,
      givenNoise: item.noise !== undefined,
      loaded: this.#loaded,
    });
  }

  /** The original's "enhance": the prompt is rewritten, then drawn with the text of "align". */
  async #withTexts(items: readonly SampleItem[], signal: AbortSignal): Promise<readonly TextItem[]> {
    if (this.#request.systemPrompt !== 'enhance')
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
