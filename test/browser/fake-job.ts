/** A job of the fake server: tells what a test has it tell, to whoever listens, again to those who come back. */
import sharp from 'sharp';
import type { DrawBody, JobAnswer, JobEvent, JobStatus } from '../../lib/serve/page/types.js';

interface Listener {
  readonly write: (text: string) => void;
  readonly end: () => void;
}

export class FakeJob {
  readonly id: string;
  readonly body: DrawBody;
  /** Resolves once the page has asked to cancel it. */
  readonly cancelled: Promise<void>;
  /** Files that it has told, in base64. */
  readonly pictures: string[] = [];
  readonly #listeners = new Set<Listener>();
  readonly #events: { readonly id: number; readonly event: JobEvent }[] = [];
  #status: JobStatus = 'queued';
  #tellCancelled = () => {};

  constructor(id: string, body: DrawBody) {
    this.id = id;
    this.body = body;
    this.cancelled = new Promise((resolve) => {
      this.#tellCancelled = resolve;
    });
  }

  get json(): JobAnswer {
    return { id: this.id, status: this.#status };
  }

  /** Numbers of its listeners at this moment. */
  get listeners(): number {
    return this.#listeners.size;
  }

  queued(place: number): void {
    this.#tell({ type: 'queued', place });
  }

  step(step: number, steps: number, seconds: number): void {
    this.#status = 'running';
    this.#tell({ type: 'step', step, steps, eta_seconds: seconds });
  }

  async preview(index: number, colour: string): Promise<void> {
    this.#tell({
      type: 'preview',
      index,
      output_format: 'webp',
      b64_json: await picture(colour, 16, 'webp'),
    });
  }

  async image(index: number, seed: number, colour = '#c33'): Promise<void> {
    this.#tellImage(index, seed, { side: 64, b64_json: await picture(colour, 64, 'png') });
  }

  /** A picture whose file has as many bytes as its pixels have: noise. */
  async largeImage(index: number, seed: number, side: number): Promise<void> {
    const noise = { type: 'gaussian', mean: 128, sigma: 60 } as const;
    const file = sharp({
      create: { width: side, height: side, channels: 3, background: '#000', noise },
    }).png();
    this.#tellImage(index, seed, { side, b64_json: (await file.toBuffer()).toString('base64') });
  }

  done(): void {
    this.#end('done', { type: 'done' });
  }

  fail(message: string): void {
    this.#end('failed', { type: 'failed', error: { message, code: 'internal_error' } });
  }

  cancelAsked(): void {
    this.#end('cancelled', { type: 'cancelled' });
    this.#tellCancelled();
  }

  /** Tells what came behind an event, and what comes from now on; gives a function that ends it. */
  listen(after: number, write: (text: string) => void, end: () => void): () => void {
    for (const { id, event } of this.#events) if (id > after) write(eventText(id, event));
    const isOver = !['queued', 'running'].includes(this.#status);
    const listener = { write, end };
    if (isOver) end();
    else this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #tellImage(
    index: number,
    seed: number,
    { side, b64_json }: { readonly side: number; readonly b64_json: string },
  ): void {
    this.pictures.push(b64_json);
    this.#tell({ type: 'image', index, seed, width: side, height: side, output_format: 'png', b64_json });
  }

  #tell(event: JobEvent): void {
    const id = this.#events.length + 1;
    this.#events.push({ id, event });
    for (const { write } of this.#listeners) write(eventText(id, event));
  }

  #end(status: JobStatus, event: JobEvent): void {
    this.#status = status;
    this.#tell(event);
    for (const { end } of this.#listeners) end();
    this.#listeners.clear();
  }
}

function eventText(id: number, event: JobEvent): string {
  return `id: ${id}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}

async function picture(colour: string, side: number, format: 'png' | 'webp'): Promise<string> {
  const flat = sharp({ create: { width: side, height: side, channels: 3, background: colour } });
  return (await flat.toFormat(format).toBuffer()).toString('base64');
}
