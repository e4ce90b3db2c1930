/** The models that are served: loaded once, one after another, while the server answers already. */

import { PUBLISHED_CELL_PIXELS } from '../config/latent-grid.js';
import { nearest } from '../config/nearest.js';
import type { Settings } from '../config/settings.js';
import { DisposedError } from '../errors.js';
import type { SvgT2I } from '../pipeline.js';
import type { LoadOptions } from '../release/types.js';
import { ApiError } from './errors.js';

/** What the server needs of a pipeline. */
export type Drawer = Pick<
  SvgT2I,
  'models' | 'defaults' | 'warnings' | 'trainedSizes' | 'classNames' | 'check' | 'stream' | 'dispose'
>;

/** A request's settings as the model will draw it. */
export type CheckedDraw = ReturnType<Drawer['check']>;

/** Loads a pipeline; a test brings its own. */
export type LoadModel = (options: LoadOptions & { readonly signal: AbortSignal }) => Promise<Drawer>;

/** A model as it was asked for, with its name. */
export interface ModelPlace {
  readonly name: string;
  readonly options: LoadOptions;
}

export type ModelState = 'waiting' | 'loading' | 'ready' | 'failed';

/** Names of others' models that clients send where nobody set one: the first one is meant. */
const OTHERS = /^(gpt-image|chatgpt-image|dall-e)/;

/** One served model, from before it is loaded. */
export class ServedModel {
  readonly name: string;
  /** Unix time in seconds, as OpenAI's models have it. */
  readonly created = Math.floor(Date.now() / 1000);
  readonly options: LoadOptions;
  state: ModelState = 'waiting';
  /** Why it could not be loaded. */
  failure: unknown;
  #drawer: Drawer | undefined;

  constructor({ name, options }: ModelPlace) {
    this.name = name;
    this.options = options;
  }

  get ready(): boolean {
    return this.state === 'ready';
  }

  /** @throws ApiError 503 where it is not loaded */
  get drawer(): Drawer {
    if (this.#drawer !== undefined) return this.#drawer;
    if (this.state === 'failed') {
      throw new ApiError(503, 'model_failed', `the model ${this.name} could not be loaded`, {
        shouldRetry: false,
      });
    }
    throw new ApiError(503, 'model_loading', `the model ${this.name} is being loaded`, {
      retryAfterSeconds: 5,
    });
  }

  set drawer(drawer: Drawer) {
    this.#drawer = drawer;
    this.state = 'ready';
  }

  /** What requests take where they say nothing. */
  get defaults(): Settings {
    return this.drawer.defaults;
  }

  /** Pixels a side of a latent's cell. */
  get cellPixels(): number {
    return this.drawer.models.autoencoder?.cellPixels ?? PUBLISHED_CELL_PIXELS;
  }

  /** Cells a side of the transformer's patches. */
  get patchSize(): number {
    return this.drawer.models.dit?.patchSize ?? 1;
  }

  get condition(): 'text' | 'class' {
    return this.drawer.models.dit?.condition ?? 'text';
  }

  /** Image tokens of a picture: what a batch is counted in. */
  tokensOf({ width, height }: { readonly width: number; readonly height: number }): number {
    const side = this.cellPixels * this.patchSize;
    return Math.ceil(width / side) * Math.ceil(height / side);
  }

  async dispose(): Promise<void> {
    await this.#drawer?.dispose();
  }
}

/** What the server tells of loading. */
export interface ModelReport {
  loading(model: ServedModel): void;
  ready(model: ServedModel, seconds: number): void;
  failed(model: ServedModel): void;
}

/** All of them, by name; the first is the one that requests without a name mean. */
export class ModelSet {
  readonly #models: readonly ServedModel[];
  readonly #stop = new AbortController();
  #loading: Promise<void> | undefined;

  constructor(places: readonly ModelPlace[]) {
    this.#models = places.map((place) => new ServedModel(place));
  }

  list(): readonly ServedModel[] {
    return this.#models;
  }

  /** Whether loading is over, and one can draw: one that could not be loaded holds up nobody. */
  get ready(): boolean {
    return this.#models.every(({ state }) => state === 'ready' || state === 'failed') && this.#canDraw;
  }

  get #canDraw(): boolean {
    return this.#models.some((model) => model.ready);
  }

  /**
   * Loads one after another, so that no two need their most memory at a time. Resolves where at least one can draw.
   *
   * @throws what the last of them failed with, where none can draw; DisposedError where it is disposed of before
   */
  async load(loadModel: LoadModel, report: ModelReport): Promise<void> {
    this.#loading = this.#loadAll(loadModel, report);
    await this.#loading;
  }

  async #loadAll(loadModel: LoadModel, report: ModelReport): Promise<void> {
    const { signal } = this.#stop;
    for (const model of this.#models) {
      signal.throwIfAborted();
      model.state = 'loading';
      report.loading(model);
      const start = performance.now();
      try {
        model.drawer = await loadModel({ ...model.options, signal });
        report.ready(model, (performance.now() - start) / 1000);
      } catch (error) {
        if (signal.aborted) throw error;
        model.state = 'failed';
        model.failure = error;
        report.failed(model);
      }
    }
    if (!this.#canDraw) throw this.#models.at(-1)?.failure;
  }

  /**
   * The model that a request means: its name, any name where one is served, and the first where the name is another
   * service's.
   *
   * @throws ApiError 404
   */
  resolve(name: string | undefined): ServedModel {
    const [first] = this.#models;
    if (first === undefined) throw new ApiError(503, 'no_model', 'no model is served');
    if (name === undefined || this.#models.length === 1) return first;
    const found = this.#models.find((model) => model.name === name);
    if (found !== undefined) return found;
    if (OTHERS.test(name)) return first;
    const names = this.#models.map((model) => model.name);
    const close = nearest(name, names);
    const hint = close === undefined ? `There are ${names.join(', ')}.` : `Did you mean ${close}?`;
    throw new ApiError(404, 'model_not_found', `no model is called ${JSON.stringify(name)}. ${hint}`, {
      param: 'model',
    });
  }

  /** Ends loading and frees what was loaded. */
  async dispose(): Promise<void> {
    this.#stop.abort(new DisposedError('The server'));
    await Promise.allSettled([this.#loading]);
    await Promise.all(this.#models.map((model) => model.dispose()));
  }
}
