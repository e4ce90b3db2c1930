/** The work of `svg-t2i eval pack`: settings from their layers, then one npz. */
import { z } from 'zod';
import { packSchema } from '../config/eval/pack.js';
import { type ConfigSources, loadConfig, printConfig } from '../config/load.js';
import { evaluatePack } from '../eval/pack.js';
import { printable } from '../printable.js';
import { followEvaluation } from './eval-run.js';
import { requireValues } from './missing-values.js';
import { printJson, printLine } from './output.js';

const configSchema = z.strictObject({ pack: packSchema });

const keys = {
  paths: ['pack.source', 'pack.out', 'pack.labels'],
  names: [],
  environment: {},
  isFilePartial: true,
};

export async function packPictures(
  sources: ConfigSources,
  { json, printConfig: isPrinted }: { readonly json: boolean; readonly printConfig: boolean },
): Promise<void> {
  const layers = { ...sources, keys };
  await requireValues(configSchema, layers, 'pack', { source: 'SOURCE', out: '--out' });
  const { pack } = await loadConfig(configSchema, layers);
  if (isPrinted) {
    process.stdout.write(printable(printConfig({ pack })));
    return;
  }
  const result = await followEvaluation(json, (options) => evaluatePack(pack, options));
  if (json) {
    printJson({ type: 'result', ...result });
    return;
  }
  const { path, count, width, height, labels } = result;
  const classes = labels ? ', and their classes as arr_1' : '';
  printLine(`${path}: ${count} ${count === 1 ? 'picture' : 'pictures'} of ${width}x${height}${classes}`);
}
