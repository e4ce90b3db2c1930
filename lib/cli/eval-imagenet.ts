/** The work of `svg-t2i eval imagenet`: settings from their layers, the protocol, and its figures for people. */
import { imagenetConfigSchemaOf } from '../config/eval/imagenet.js';
import { type ConfigSources, printConfig } from '../config/load.js';
import { shellCommand } from '../eval/command-line.js';
import { IMAGENET_KEYS, loadImagenetConfig, printedImagenetConfig } from '../eval/imagenet/config.js';
import { runImagenet } from '../eval/imagenet/imagenet.js';
import { setFigures } from '../eval/metric-words.js';
import { printable } from '../printable.js';
import { followEvaluation } from './eval-run.js';
import { requireValues } from './missing-values.js';
import { formatTable, printJson, printLine } from './output.js';

export async function evalImagenet(
  sources: ConfigSources,
  { json, printConfig: isPrinted }: { readonly json: boolean; readonly printConfig: boolean },
): Promise<void> {
  const layers = { ...sources, keys: IMAGENET_KEYS };
  const required = { reference: '--reference', inception: '--inception', out: '--out' };
  await requireValues(imagenetConfigSchemaOf(undefined), layers, 'imagenet', required);
  const config = await loadImagenetConfig(sources);
  if (isPrinted) {
    process.stdout.write(printable(printConfig(printedImagenetConfig(config))));
    return;
  }
  const result = await followEvaluation(json, (options) =>
    runImagenet(config, { ...options, command: shellCommand(process.argv.slice(2)) }),
  );
  if (json) {
    printJson({ type: 'result', ...result });
    return;
  }
  const rows = setFigures(result).map(({ name, value, note = '' }) => [name, value, note]);
  printLine(formatTable(['metric', 'value', ''], rows));
  printLine();
  printLine(result.line);
  printLine(`samples: ${result.samples}`);
  printLine(`report: ${result.report}`);
}
