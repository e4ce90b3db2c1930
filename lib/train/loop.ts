/** The loop of a run: data, step, record, draw, save; again. */
import type { TrainingConfig } from '../config/train.js';
import { decisiveValues, trainingConfigHash } from '../config/train.js';
import { SvgT2IError } from '../errors.js';
import { orderedItems } from '../features/order.js';
import type { SampleStream } from '../features/sample-stream.js';
import type { Ranks, RunStop } from '../processes/ranks.js';
import { BadItemList } from './bad-item-list.js';
import { pruneCheckpoints, writeCheckpoint } from './checkpoint.js';
import type { TrainEvent } from './events.js';
import type { Recorder } from './recorder.js';
import type { RunFolder } from './run-folder.js';
import { learningRate } from './schedule.js';
import { SharedCounts } from './shared-counts.js';
import type { OpenStage, StepReport } from './stage.js';

export interface LoopOptions<Sample> {
  readonly config: TrainingConfig;
  readonly stage: OpenStage<Sample>;
  readonly ranks: Ranks;
  readonly folder: RunFolder;
  /** Called before something is written to the folder; throws where another process has taken it over. */
  readonly checkLock: () => Promise<void>;
  /** Of the first process alone. */
  readonly recorder: Recorder | undefined;
  /** Steps that are done already, and steps of the whole run. */
  readonly firstStep: number;
  readonly steps: number;
  readonly signal?: AbortSignal | undefined;
  readonly onEvent: (event: TrainEvent) => void;
}

export interface LoopResult {
  /** Steps done. */
  readonly step: number;
  /** Who asked the run to stop before its end; undefined where it came to its end. */
  readonly stop: RunStop | undefined;
  /** What asked the run to stop before its end. */
  readonly stopped: boolean;
}

export async function runLoop<Sample>(options: LoopOptions<Sample>): Promise<LoopResult> {
  const loop = new Loop(options);
  return await loop.run();
}

/** A step that was taken, as the loop knows it. */
interface TakenStep {
  /** From 0. */
  readonly step: number;
  readonly lr: number;
  readonly dataMs: number;
  wholeMs: number;
}

class Loop<Sample> {
  readonly #options: LoopOptions<Sample>;
  readonly #stream: SampleStream<Sample>;
  /** Pictures of one step on this process. */
  readonly #share: number;
  readonly #badItems: BadItemList;
  readonly #counts = new SharedCounts();
  /** Steps whose numbers are still with the engine. */
  readonly #unread: TakenStep[] = [];
  #badInRow = 0;

  constructor(options: LoopOptions<Sample>) {
    const { config, stage, ranks, folder, firstStep, steps, onEvent } = options;
    const { rank, worldSize } = ranks.place;
    this.#options = options;
    this.#share = config.batch.global / worldSize;
    this.#badItems = new BadItemList(folder.badItems, (message) => onEvent({ type: 'warning', message }));
    const order = orderedItems({
      items: stage.items,
      rank,
      worldSize,
      globalBatch: config.batch.global,
      steps,
      firstStep,
      seed: config.seed,
    });
    const ahead = this.#share * (config.data.prefetch + 1);
    this.#stream = stage.stream(order, ahead, (error, index) => {
      onEvent({ type: 'bad-item', index, message: error.message });
      this.#badItems.add({ index, message: error.message });
      this.#counts.addBad(index);
    });
  }

  async run(): Promise<LoopResult> {
    const { config, ranks, steps, signal } = this.#options;
    let step = this.#options.firstStep;
    let saved = step;
    let stop: RunStop | undefined;
    await this.#drawMissing(step);
    while (step < steps) {
      stop = await ranks.agreeOnStop(signal);
      if (stop !== undefined) break;
      if (!(await this.#step(step))) {
        stop = ranks.ownStop(signal);
        break;
      }
      step++;
      await this.#report(step);
      // Before anything is drawn, which may fail.
      if (step % config.checkpoints.every === 0 || step === steps) {
        await this.#read();
        await this.#save(step);
        saved = step;
      }
      await this.#draw(step);
    }
    await this.#flush();
    if (step > saved) await this.#save(step);
    await this.#badItems.settle();
    await ranks.barrier();
    if (ranks.isFirst) await this.#badItems.finish();
    return { step, stop, stopped: stop !== undefined };
  }

  /** One optimiser step; false where it was interrupted and so changed nothing. */
  async #step(step: number): Promise<boolean> {
    const { config, stage, ranks, signal, steps } = this.#options;
    // The others wait for this process, so only a lone one may drop a step.
    const interrupt = ranks.isAlone ? signal : undefined;
    const begin = performance.now();
    try {
      const samples = await this.#stream.take(this.#share, interrupt);
      const dataMs = performance.now() - begin;
      const lr = learningRate(config, step, steps);
      await stage.step({ step, lr, samples, signal: interrupt });
      this.#unread.push({ step, lr, dataMs, wholeMs: performance.now() - begin });
      return true;
    } catch (error) {
      if (interrupt?.aborted === true) return false;
      throw error;
    }
  }

  /** Asks for the numbers of the steps since the last time: only now anybody waits for the device. */
  async #read(): Promise<void> {
    const { config, stage, recorder } = this.#options;
    const last = this.#unread.at(-1);
    if (last === undefined) return;
    const begin = performance.now();
    const reports = await stage.reports();
    last.wholeMs += performance.now() - begin;
    const taken = this.#unread.splice(0);
    for (const [i, report] of reports.entries()) {
      const { step, ...times } = taken[i] ?? last;
      recorder?.add({ step: step + 1, report, images: config.batch.global, ...times });
      this.#counts.addTimes(report.times ?? []);
      await this.#checkNumbers(step, report);
    }
  }

  async #checkNumbers(step: number, report: StepReport): Promise<void> {
    const { config, onEvent } = this.#options;
    this.#badInRow = report.applied ? 0 : this.#badInRow + 1;
    if (report.applied) return;
    onEvent({ type: 'bad-step', step: step + 1, inRow: this.#badInRow, losses: report.losses });
    if (this.#badInRow < config.maxBadSteps) return;
    await this.#flush();
    throw new SvgT2IError(
      'ERR_SVGT2I_NUMERIC',
      `the loss or the gradients were no finite numbers in ${this.#badInRow} steps in a row, up to step ${step + 1}`,
      {
        hint: 'Resume from the last checkpoint with a lower optimizer.lr, a longer schedule.warmupSteps or precision: fp32.',
      },
    );
  }

  async #report(step: number): Promise<void> {
    const { config, steps } = this.#options;
    if (step % config.logEvery === 0 || step === steps) await this.#flush();
    else this.#options.onEvent({ type: 'step', step });
  }

  async #flush(): Promise<void> {
    const { recorder, ranks, checkLock, onEvent } = this.#options;
    await this.#read();
    const totals = await this.#counts.total(ranks);
    await checkLock();
    const metrics = await recorder?.flush(totals);
    if (metrics !== undefined) onEvent({ type: 'metrics', metrics });
  }

  /** What a run that was killed after a checkpoint had no time for. */
  async #drawMissing(step: number): Promise<void> {
    const { ranks, recorder } = this.#options;
    if (step === 0 || !this.#isDrawn(step)) return;
    const isMissing = recorder !== undefined && !(await recorder.hasImage(step));
    if (await ranks.any(isMissing)) await this.#draw(step);
  }

  #isDrawn(step: number): boolean {
    const { config, steps } = this.#options;
    const { every } = config.samples;
    return every > 0 && (step % every === 0 || step >= steps);
  }

  async #draw(step: number): Promise<void> {
    const { stage, ranks, recorder, folder, signal, onEvent } = this.#options;
    if (!this.#isDrawn(step)) return;
    const interrupt = ranks.isAlone ? signal : undefined;
    try {
      const image = await stage.drawSamples(ranks.isFirst, interrupt);
      await this.#options.checkLock();
      if (image !== undefined && recorder !== undefined) {
        onEvent({ type: 'samples', step, file: await recorder.image(step, image) });
        await recorder.plot(folder.path);
      }
    } catch (error) {
      if (interrupt?.aborted !== true) throw error;
    }
    await ranks.barrier({ patient: true });
  }

  async #save(step: number): Promise<void> {
    const { config, stage, ranks, folder, checkLock } = this.#options;
    const begin = performance.now();
    const file = await writeCheckpoint({
      folder: folder.checkpoints,
      ranks,
      checkLock,
      state: {
        stage: config.stage,
        step,
        globalBatch: config.batch.global,
        configHash: trainingConfigHash(config),
        config: Object.fromEntries(decisiveValues(config, stage.items)),
      },
      write: async (unfinished) => {
        return (await stage.engine.run('train-save', { folder: unfinished })).value.files;
      },
    });
    if (ranks.isFirst) await this.#tidyUp(step, file, begin);
    await ranks.barrier({ patient: true });
  }

  async #tidyUp(step: number, file: string, begin: number): Promise<void> {
    const { config, recorder, folder, onEvent } = this.#options;
    await pruneCheckpoints(folder.checkpoints, {
      keep: config.checkpoints.keep,
      newest: step,
      onWarning: (message) => onEvent({ type: 'warning', message }),
    });
    await recorder?.plot(folder.path);
    onEvent({ type: 'checkpoint', step, file, seconds: (performance.now() - begin) / 1000 });
  }
}
