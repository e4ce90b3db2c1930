/** The work of `svg-t2i eval watch`: settings from flags and files, and what one sees of it. */
import { z } from 'zod';
import { watchSchema } from '../config/eval/watch.js';
import { type ConfigKeys, type ConfigSources, loadConfig, merge, printConfig } from '../config/load.js';
import type { EvaluateEvent } from '../eval/events.js';
import { finiteJson } from '../eval/json-number.js';
import { kindOfValue } from '../eval/watch/probe.js';
import type { CheckpointEvaluatedEvent } from '../eval/watch/types.js';
import { evaluateWatch } from '../eval/watch/watch.js';
import { shownValue } from '../eval/watch/watch-report.js';
import { printable } from '../printable.js';
import { followEvaluation } from './eval-run.js';
import { flagNames, flagTree } from './flags.js';
import { requireValues } from './missing-values.js';
import { note, printJson, printLine } from './output.js';
import { MEASURING_FLAGS, WATCHING_FLAGS, type WatchFlags } from './watch-flags.js';

const configSchema = z.strictObject({ watch: watchSchema });

const FLAGS = [...MEASURING_FLAGS, ...WATCHING_FLAGS];

const keys: ConfigKeys = {
  paths: ['run', 'data', 'prompts', 'inception', 'lpips', 'lpipsLinear'].map((key) => `watch.${key}`),
  names: [],
  environment: { SVG_T2I_DEVICE: 'watch.device', SVG_T2I_THREADS: 'watch.threads' },
  isFilePartial: true,
};

export async function watchFromCommandLine(run: string | undefined, flags: WatchFlags): Promise<void> {
  const sources: ConfigSources = {
    keys,
    file: flags.config,
    environment: process.env,
    flags: merge(flagTree(FLAGS, flags), run === undefined ? {} : { watch: { run } }),
    set: flags.set,
    nameOf: (path) => (path === 'watch.run' ? 'run' : flagNames(FLAGS, flags)(path)),
  };
  await requireValues(configSchema, sources, 'watch', { run: 'the folder of the run' });
  const { watch } = await loadConfig(configSchema, sources);
  if (flags.printConfig === true) {
    process.stdout.write(printable(printConfig({ watch })));
    return;
  }
  const json = flags.json === true;
  const result = await followEvaluation(json, ({ signal, onEvent }) =>
    evaluateWatch(watch, {
      signal,
      onEvent: (event) => {
        // A result, not a remark: people get it on stdout, as soon as it is there.
        if (!json && event.type === 'evaluation') printLine(evaluationLine(event));
        else onEvent?.(finiteJson(event) as EvaluateEvent);
      },
    }),
  );
  if (json) {
    printJson({ type: 'result', ...(finiteJson(result) as object) });
    return;
  }
  const { evaluations, report } = result;
  if (report === undefined) note('no checkpoint is there yet');
  else if (evaluations.length === 0) note('all checkpoints were measured before');
  if (report !== undefined) note(`curves and pictures: ${report}`);
}

/** `step 400  psnr 24.31 dB  ssim 0.91  (3.2 s)` */
function evaluationLine({ step, values, seconds }: CheckpointEvaluatedEvent): string {
  const shown = Object.entries(values)
    // Parts of a score are in the report.
    .filter(([name]) => !name.includes('/'))
    .map(([name, value]) => `${name} ${shownValue(value)} ${kindOfValue(name).unit}`.trim());
  return [`step ${step}`, ...shown, `(${seconds.toFixed(1)} s)`].join('  ');
}
