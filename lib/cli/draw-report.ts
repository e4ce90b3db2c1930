import type { SvgT2IError } from '../errors.js';
import type { GeneratedImage } from '../pipeline/generated-image.js';
import type { GenerateEvent } from '../pipeline/types.js';
import { type Mismatch, mismatchText } from './existing-pictures.js';
import { errorToJson, note, printError, printJson, printLine, warn } from './output.js';
import { PhaseTimes, phaseText } from './phase-times.js';
import { createProgressBar, type ProgressBar } from './progress.js';

/** Of pictures that are there and do not fit, so many are named; --json tells of all. */
const MAX_NAMED = 5;

export interface ReportOptions {
  /** Pictures to draw, and pictures that are there already. */
  readonly wanted: number;
  readonly kept: number;
  readonly steps: number;
  readonly json: boolean;
  /** Tells at the end what took how long. */
  readonly verbose: boolean;
}

/** Tells the user what happens: NDJSON on stdout, or a bar on stderr and file names on stdout. */
export class DrawReport {
  readonly #wanted: number;
  readonly #steps: number;
  readonly #json: boolean;
  readonly #bar: ProgressBar;
  readonly #files: string[] = [];
  readonly #times = new PhaseTimes();
  readonly #verbose: boolean;
  #drawn = 0;
  #failed = 0;
  /** Evaluations of the transformer for pictures with a step cache: made, and asked for. */
  #computed = 0;
  #asked = 0;

  constructor({ wanted, kept, steps, json, verbose }: ReportOptions) {
    this.#verbose = verbose;
    this.#wanted = wanted;
    this.#steps = steps;
    this.#json = json;
    if (json && kept > 0) printJson({ type: 'skipped', images: kept });
    if (!json && kept > 0) note(`${kept} picture(s) exist already`);
    this.#bar = createProgressBar(json ? 0 : wanted * steps);
  }

  /** What was written, in its order. */
  get files(): readonly string[] {
    return this.#files;
  }

  load(event: { readonly part: string; readonly done: number; readonly total: number }): void {
    this.#times.loading(event.part);
    if (this.#json) printJson({ ...event, type: 'load' });
    else this.#bar.update(0, `loading ${event.part}`);
  }

  event(event: GenerateEvent): void {
    this.#times.drawing();
    if (event.type === 'warning') this.warning(event.message);
    // The others carry pictures, or are told by drawn(), failed() and end().
    else if (event.type === 'encode' || event.type === 'step' || event.type === 'decode') this.#stage(event);
  }

  #stage(event: Extract<GenerateEvent, { readonly type: 'encode' | 'step' | 'decode' }>): void {
    if (this.#json) {
      printJson(event);
      return;
    }
    const pictures = this.#drawn + this.#failed;
    const done = pictures * this.#steps;
    const picture = `picture ${pictures + 1}/${this.#wanted}`;
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

  /** `file` is undefined where it went to stdout. */
  drawn(image: GeneratedImage, file: string | undefined): void {
    this.#drawn++;
    const { stepCache, evaluations, unconditionalEvaluations = 0, reusedEvaluations = 0 } = image.metadata;
    if (stepCache !== undefined && evaluations !== undefined) {
      this.#computed += evaluations + unconditionalEvaluations;
      this.#asked += evaluations + unconditionalEvaluations + reusedEvaluations;
    }
    if (file !== undefined) this.#files.push(file);
    if (this.#json)
      printJson({ type: 'image', index: image.index, file: file ?? null, metadata: image.metadata });
    else if (file !== undefined) this.#bar.aside(() => printLine(file));
  }

  /** A picture that could not be drawn or written, in a run that goes on without it. */
  failed(failure: {
    readonly index: number;
    readonly file: string | undefined;
    readonly seed: number;
    readonly prompt: string;
    readonly error: SvgT2IError;
  }): void {
    this.#failed++;
    const { index, file, seed, prompt, error } = failure;
    const named = file ?? `picture ${index}`;
    if (this.#json) {
      printJson({ ...errorToJson(error), type: 'failed', index, file: file ?? null, seed, prompt });
    }
    this.#bar.aside(() => printError(error, { prefix: `${named} ("${shorten(prompt)}") was not drawn: ` }));
  }

  failedGrid(error: SvgT2IError): void {
    if (this.#json) printJson({ ...errorToJson(error), type: 'failed' });
    this.#bar.aside(() => printError(error, { prefix: 'a grid is missing: ' }));
  }

  grid(file: string): void {
    this.#files.push(file);
    if (!this.#json) this.#bar.aside(() => printLine(file));
  }

  end(): void {
    const failed = this.#failed === 0 ? {} : { failed: this.#failed };
    const seconds = this.#times.seconds();
    if (this.#json) printJson({ type: 'done', images: this.#drawn, ...failed, files: this.#files, seconds });
    else if (this.#asked > 0) {
      const told = `step cache: computed ${this.#computed} of ${this.#asked} evaluations`;
      this.#bar.aside(() => note(told));
    }
    if (this.#verbose && seconds !== undefined) this.#bar.aside(() => note(phaseText(seconds)));
  }

  stop(): void {
    this.#bar.stop();
  }
}

/** Tells of pictures that are there and are not those asked for. */
export class MismatchReport {
  readonly #json: boolean;
  #count = 0;

  constructor(json: boolean) {
    this.#json = json;
  }

  found(mismatch: Mismatch): void {
    this.#count++;
    const { index, file, differs, isDrawnAgain } = mismatch;
    if (this.#json) printJson({ type: 'mismatch', index, file, differs, isDrawnAgain });
    if (this.#count <= MAX_NAMED) warn(mismatchText(mismatch));
  }

  end(): void {
    if (this.#count > MAX_NAMED) warn(`so it is with ${this.#count - MAX_NAMED} more`);
  }
}

function shorten(text: string): string {
  return text.length <= 60 ? text : `${text.slice(0, 57)}...`;
}
