import type { GeneratedImage } from '../pipeline/generated-image.js';
import type { GenerateEvent } from '../pipeline/types.js';
import { note, printJson, printLine, warn } from './output.js';
import type { OutputPlan } from './output-plan.js';
import { createProgressBar, type ProgressBar } from './progress.js';

/** A picture that is done and where it went. */
export interface WrittenImage {
  readonly image: GeneratedImage;
  readonly file: string | undefined;
}

/** Tells the user what happens: NDJSON on stdout, or a bar on stderr and file names on stdout. */
export class DrawReport {
  readonly #plan: OutputPlan;
  readonly #steps: number;
  readonly #json: boolean;
  readonly #bar: ProgressBar;
  #pictures = 0;

  constructor(plan: OutputPlan, steps: number, json: boolean) {
    this.#plan = plan;
    this.#steps = steps;
    this.#json = json;
    const skipped = plan.images.length - plan.wanted.length;
    if (json && skipped > 0) printJson({ type: 'skipped', images: skipped });
    if (!json && skipped > 0) note(`${skipped} picture(s) exist already`);
    this.#bar = createProgressBar(json ? 0 : plan.wanted.length * steps);
  }

  load(event: { readonly part: string; readonly done: number; readonly total: number }): void {
    if (this.#json) printJson({ ...event, type: 'load' });
    else this.#bar.update(0, `loading ${event.part}`);
  }

  event(event: GenerateEvent): void {
    if (event.type === 'warning') this.warning(event.message);
    // The others carry pictures, or are told by written() and end().
    else if (event.type === 'encode' || event.type === 'step' || event.type === 'decode') this.#stage(event);
  }

  #stage(event: Extract<GenerateEvent, { readonly type: 'encode' | 'step' | 'decode' }>): void {
    if (this.#json) {
      printJson(event);
      return;
    }
    const done = this.#pictures * this.#steps;
    const picture = `picture ${this.#pictures + 1}/${this.#plan.wanted.length}`;
    if (event.type === 'step') {
      // Some solvers take another number of steps than was asked for.
      this.#bar.update(
        done + (event.step / event.steps) * this.#steps,
        `${picture}, step ${event.step}/${event.steps}`,
      );
    } else this.#bar.update(event.type === 'decode' ? done + this.#steps : done, `${picture}, ${event.type}`);
  }

  warning(message: string): void {
    if (this.#json) printJson({ type: 'warning', message });
    this.#bar.aside(() => warn(message));
  }

  written({ image, file }: WrittenImage): void {
    this.#pictures++;
    if (this.#json)
      printJson({ type: 'image', index: image.index, file: file ?? null, metadata: image.metadata });
    else if (file !== undefined) this.#bar.aside(() => printLine(file));
  }

  end(): void {
    const files = [...this.#plan.images, ...this.#plan.grids]
      .map(({ file }) => file)
      .filter((file) => file !== undefined);
    if (this.#json) printJson({ type: 'done', images: this.#pictures, files });
    else for (const { file } of this.#plan.grids) if (file !== undefined) printLine(file);
  }

  stop(): void {
    this.#bar.stop();
  }
}
