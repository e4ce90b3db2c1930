/** What `svg-t2i train` shows while it runs: a bar on a terminal, the fixed log lines, or JSON Lines. */
import type { TrainEvent } from '../train/events.js';
import { metricsLine } from '../train/metrics.js';
import type { StartReport } from '../train/stage.js';
import { badItemReport } from './bad-item-report.js';
import { bucketLines } from './bucket-lines.js';
import { note, printJson, warn } from './output.js';
import { createProgressBar, type ProgressBar } from './progress.js';

export interface TrainReport {
  readonly onEvent: (event: TrainEvent) => void;
  [Symbol.dispose](): void;
}

const MAX_LISTED = 10;

export function trainReport(options: { readonly json: boolean; readonly isFirst: boolean }): TrainReport {
  const { json, isFirst } = options;
  let bar: ProgressBar = createProgressBar(0);
  let steps = 0;
  const say = (text: string) => bar.aside(() => note(text));
  const reportBad = badItemReport((print) => bar.aside(print));
  const show = (event: TrainEvent): void => {
    switch (event.type) {
      case 'start':
        steps = event.steps;
        for (const line of startLines(event)) note(line);
        if (!json) bar = createProgressBar(steps);
        bar.update(event.step, '');
        break;
      case 'buckets':
        for (const line of bucketLines(event)) say(line);
        break;
      case 'step':
        bar.update(event.step, '');
        break;
      case 'metrics': {
        const line = metricsLine(event.metrics, steps);
        if (!json) say(line);
        bar.update(event.metrics.step, '');
        break;
      }
      case 'samples':
        if (!json) say(`samples ${event.file}`);
        break;
      case 'checkpoint':
        if (!json) say(`saved ${event.file} in ${event.seconds.toFixed(1)} s`);
        break;
      case 'bad-step':
        bar.aside(() =>
          warn(`step ${event.step} changed nothing: a number was not finite (${event.inRow} in a row)`),
        );
        break;
      case 'bad-item':
        reportBad(event.message);
        break;
      case 'warning':
        bar.aside(() => warn(event.message));
        break;
      case 'export':
        if (!json) for (const file of event.files) say(`wrote ${file}`);
        break;
    }
  };
  return {
    onEvent: (event) => {
      // Of the other processes only what went wrong is of interest.
      if (!isFirst && event.type !== 'warning' && event.type !== 'bad-item') return;
      show(event);
      if (json && isFirst && event.type !== 'step') printJson(event);
    },
    [Symbol.dispose]: () => bar.stop(),
  };
}

function startLines(event: TrainEvent & { readonly type: 'start' }): readonly string[] {
  const { folder, stage, step, steps, items, worldSize, start } = event;
  const where = worldSize === 1 ? '' : ` on ${worldSize} processes`;
  const begin = step === 0 ? '' : `, going on after step ${step}`;
  return [
    `${stage}: ${start.parameters.toLocaleString('en-US')} parameters, ${items} pictures, ${steps} steps${where}${begin}`,
    `run folder ${folder}`,
    ...activationLines(start),
    ...startWeights(start),
  ];
}

/** Of which blocks activations are kept. */
function activationLines({ activations }: StartReport): readonly string[] {
  if (activations === null) return [];
  const { recomputed, blocks, bytes, budget } = activations;
  const gigabytes = (count: number) => `${(count / 1e9).toPrecision(3)} GB`;
  const what =
    recomputed === 0 ? 'all kept' : `of ${recomputed} of ${blocks} blocks computed twice, the others kept`;
  const within = budget === 0 ? '' : ` of ${gigabytes(budget)} that they may take`;
  return [`activations: ${what}; about ${gigabytes(bytes)}${within}`];
}

/** What of the weights to begin with was not used. */
function startWeights({ missing, unexpected, mismatched, remarks = [] }: StartReport): readonly string[] {
  const sizes = mismatched.map(
    ({ name, found, wanted }) => `${name} (${shape(found)} instead of ${shape(wanted)})`,
  );
  return [
    remarks,
    listed('initFrom lacks, drawn anew', missing),
    listed('initFrom has another size of, drawn anew', sizes),
    listed('initFrom has more, not used', unexpected),
  ].flat();
}

function listed(what: string, names: readonly string[]): readonly string[] {
  if (names.length === 0) return [];
  const more = names.length > MAX_LISTED ? ` and ${names.length - MAX_LISTED} more` : '';
  return [`${what}: ${names.slice(0, MAX_LISTED).join(', ')}${more}`];
}

const shape = (sizes: readonly number[]) => `(${sizes.join(', ')})`;
