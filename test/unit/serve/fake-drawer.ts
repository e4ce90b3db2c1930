/** A pipeline that draws grey pictures, or noise, at the pace that a test sets, and a server of it. */
import { randomFillSync } from 'node:crypto';
import { isAdaptive } from '../../../lib/config/request.js';
import { serveSchema } from '../../../lib/config/serve.js';
import type { ServeSettings } from '../../../lib/config/serve-settings.js';
import type { Settings } from '../../../lib/config/settings.js';
import { SvgT2IError } from '../../../lib/errors.js';
import { checkRequest } from '../../../lib/pipeline/check-request.js';
import { GeneratedImage } from '../../../lib/pipeline/generated-image.js';
import type { ImageMetadata } from '../../../lib/pipeline/image-metadata.js';
import { NO_TIME } from '../../../lib/pipeline/timings.js';
import type { GenerateEvent, GenerateRequest } from '../../../lib/pipeline/types.js';
import { createLog } from '../../../lib/serve/log.js';
import type { Drawer } from '../../../lib/serve/models.js';
import { type RunningServer, startServer } from '../../../lib/serve/server.js';
import { loadedModels } from '../mock-engine.js';

const CELL_PIXELS = 16;

export class FakeDrawer implements Drawer {
  readonly models: Drawer['models'] = {
    ...loadedModels,
    autoencoder: {
      kind: 'P',
      channels: 4,
      cellPixels: CELL_PIXELS,
      encoder: null,
      decoder: 'conv',
      canEncode: false,
      ownEncoder: false,
    },
  };
  readonly defaults: Settings = { width: 64, height: 64, steps: 4 };
  readonly warnings: readonly string[] = [];
  readonly trainedSizes = ['64x64'];
  readonly classNames = undefined;
  /** Requests as they began. */
  readonly begun: GenerateRequest[] = [];
  /** Pictures that are drawn now, and the most that ever were. */
  running = 0;
  most = 0;
  aborted = 0;
  disposed = false;
  /** What drawing a prompt throws. */
  readonly failing = new Map<string, unknown>();
  #gate: Promise<void> | undefined;
  #open: () => void = () => undefined;

  /** Lets no picture do a step, until release(). */
  hold(): void {
    this.#gate ??= new Promise((resolve) => {
      this.#open = resolve;
    });
  }

  release(): void {
    this.#gate = undefined;
    this.#open();
  }

  check(request: GenerateRequest) {
    const {
      signal: _,
      only: __,
      noise: ___,
      ...settings
    } = checkRequest(request, this.defaults, CELL_PIXELS);
    if (settings.systemPrompt === 'enhance')
      throw new SvgT2IError('ERR_SVGT2I_WEIGHTS_MISMATCH', 'it never wrote');
    return settings;
  }

  async *stream(request: GenerateRequest): AsyncGenerator<GenerateEvent, void> {
    const { width, height, steps, seed, solver } = this.check(request);
    const index = request.only?.[0] ?? 0;
    const pixels = { width, height, data: new Uint8Array(width * height * 3).fill(90) };
    if (request.prompt === 'noise') randomFillSync(pixels.data);
    this.begun.push(request);
    this.running++;
    this.most = Math.max(this.most, this.running);
    try {
      yield { type: 'encode', index };
      // An adaptive solver says no number beforehand.
      const [count, told] = isAdaptive(solver) ? [4, 0] : [steps, steps];
      for (let step = 1; step <= count; step++) {
        await this.#turn(request.signal);
        const failure = this.failing.get(String(request.prompt));
        if (failure !== undefined) throw failure;
        yield { type: 'step', index, step, steps: told, t: step / count };
        const { previewEvery = 0 } = request;
        if (previewEvery > 0 && step % previewEvery === 0 && step < count) {
          yield { type: 'preview', index, step, image: pixels };
        }
      }
      const metadata = { prompt: String(request.prompt), seed: Number(seed) + index } as ImageMetadata;
      const image = new GeneratedImage({
        ...{ index, pixels, metadata },
        seed: Number(seed) + index,
        prompt: String(request.prompt),
      });
      yield { type: 'image', index, image };
      yield { type: 'done', images: 1, timings: NO_TIME };
    } finally {
      this.running--;
    }
  }

  async #turn(signal: AbortSignal | undefined): Promise<void> {
    const aborted = new Promise<void>((resolve) =>
      signal?.addEventListener('abort', () => resolve(), { once: true }),
    );
    if (signal?.aborted !== true) {
      await Promise.race([this.#gate ?? new Promise((resolve) => setImmediate(resolve)), aborted]);
    }
    if (signal?.aborted !== true) return;
    this.aborted++;
    signal.throwIfAborted();
  }

  async dispose(): Promise<void> {
    this.disposed = true;
  }
}

/** Settings with their defaults, without a log. */
export function settingsOf(settings: ServeSettings = {}) {
  return serveSchema.parse({ port: 0, log: 'off', ...settings });
}

/** A server on a free port whose models are fakes. */
export async function serveFake(
  settings: ServeSettings = {},
  drawer = new FakeDrawer(),
  log = createLog('off'),
): Promise<RunningServer & { readonly drawer: FakeDrawer }> {
  const server = await startServer(settingsOf(settings), { load: async () => drawer, log });
  await server.ready;
  return { ...server, drawer };
}
