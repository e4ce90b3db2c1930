/** The work of `svg-t2i eval images`, `stats` and `reconstruct`: settings from their layers, and what one sees of them. */
import { join } from 'node:path';
import { imagesConfigSchema } from '../config/eval/images.js';
import { reconstructConfigSchema } from '../config/eval/reconstruct.js';
import { statsConfigSchema } from '../config/eval/stats.js';
import { type ConfigKeys, type ConfigTree, loadConfig, merge, printConfig } from '../config/load.js';
import { evaluateImages } from '../eval/images.js';
import { finiteJson } from '../eval/json-number.js';
import type { SetValues } from '../eval/measure-types.js';
import { pairTable, setFigures } from '../eval/metric-words.js';
import { reconstructFound } from '../eval/reconstruct.js';
import { evaluateStats } from '../eval/stats.js';
import { printable } from '../printable.js';
import { FoundRelease } from '../release/found-release.js';
import { followEvaluation } from './eval-run.js';
import { type Flag, flagNames, flagTree, MODEL_FLAGS } from './flags.js';
import {
  type FlagGroups,
  IMAGES_FLAGS,
  type MeasureFlags,
  RECONSTRUCT_FLAGS,
  STATS_FLAGS,
} from './measure-flags.js';
import { requireValues } from './missing-values.js';
import { formatTable, note, printJson, printLine } from './output.js';
import { prepareFile, prepareFolder } from './write-file.js';

const NETWORKS = ['inception', 'lpips', 'lpipsLinear'];

function keysOf(section: string, paths: readonly string[], machine = section): ConfigKeys {
  return {
    paths: [...paths, ...NETWORKS].map((key) => `${section}.${key}`),
    names: [],
    environment: { SVG_T2I_DEVICE: `${machine}.device`, SVG_T2I_THREADS: `${machine}.threads` },
    isFilePartial: true,
  };
}

export async function imagesFromCommandLine(
  set: string | undefined,
  reference: string | undefined,
  flags: MeasureFlags,
): Promise<void> {
  const given = {
    images: { ...(set === undefined ? {} : { set }), ...(reference === undefined ? {} : { reference }) },
  };
  const sources = {
    defaults: { images: { out: join('output', 'eval-images') } },
    keys: keysOf('images', ['set', 'reference', 'out']),
    ...sourcesOf(flags, all(IMAGES_FLAGS), given, { 'images.set': 'A', 'images.reference': 'B' }),
  };
  await requireValues(imagesConfigSchema, sources, 'images', { set: 'A, the pictures that are judged,' });
  const config = await loadConfig(imagesConfigSchema, sources);
  if (isOnlyPrinted(flags, config)) return;
  const { images } = config;
  if (images.out !== undefined) await prepareFolder(images.out, 0);
  const result = await followEvaluation(flags.json === true, (options) => evaluateImages(images, options));
  if (flags.json === true) return printJson({ type: 'result', ...(finiteJson(result) as object) });
  printValues(result, '');
  if (result.pairs !== undefined) printLine(tableText(pairTable('', result.pairs)));
  if (result.report !== undefined) note(`report: ${result.report}`);
}

export async function statsFromCommandLine(set: string | undefined, flags: MeasureFlags): Promise<void> {
  const sources = {
    keys: keysOf('stats', ['set', 'out']),
    ...sourcesOf(
      flags,
      all(STATS_FLAGS),
      { stats: set === undefined ? {} : { set } },
      { 'stats.set': 'pictures' },
    ),
  };
  await requireValues(statsConfigSchema, sources, 'stats', { set: 'the folder of pictures', out: '--out' });
  const config = await loadConfig(statsConfigSchema, sources);
  if (isOnlyPrinted(flags, config)) return;
  const { stats } = config;
  await prepareFile(stats.out, 0);
  const result = await followEvaluation(flags.json === true, (options) => evaluateStats(stats, options));
  if (flags.json === true) return printJson({ type: 'result', ...result });
  const { path, dimensions, set: of } = result;
  printLine(`${path}: mean and covariance of ${dimensions} features of ${of.pictures} pictures`);
}

export async function reconstructFromCommandLine(flags: MeasureFlags): Promise<void> {
  const keys = keysOf('reconstruct', ['data', 'reference', 'out'], 'model');
  const sources = {
    defaults: { reconstruct: { out: join('output', 'eval-reconstruct') } },
    keys: {
      ...keys,
      paths: [...keys.paths, 'model.pretrained'],
      names: ['model.pretrained'],
      environment: {
        ...keys.environment,
        SVG_T2I_PRETRAINED: 'model.pretrained',
        SVG_T2I_DTYPE: 'model.dtype',
      },
    },
    ...sourcesOf(flags, [...all(RECONSTRUCT_FLAGS), ...MODEL_FLAGS], {}, { 'reconstruct.data': '--data' }),
  };
  await requireValues(reconstructConfigSchema, sources, 'reconstruct', { data: '--data' });
  const config = await loadConfig(reconstructConfigSchema, sources);
  if (isOnlyPrinted(flags, config)) return;
  const { model, reconstruct } = config;
  if (reconstruct.out !== undefined) await prepareFolder(reconstruct.out, 0);
  const names = flagNames(MODEL_FLAGS, flags);
  const found = new FoundRelease(model, (option) => names(`model.${option}`) ?? `model.${option}`);
  const result = await followEvaluation(flags.json === true, (options) =>
    reconstructFound(found, reconstruct, options),
  );
  if (flags.json === true) return printJson({ type: 'result', ...(finiteJson(result) as object) });
  printValues(result, 'r');
  if (Object.keys(result.pairs).length > 0) printLine(tableText(pairTable('', result.pairs)));
  if (result.report !== undefined) note(`report: ${result.report}`);
}

/** What comes after a command's own defaults; `given` are its arguments. */
function sourcesOf(
  flags: MeasureFlags,
  known: readonly Flag[],
  given: ConfigTree,
  argumentsOf: Readonly<Record<string, string>>,
) {
  const names = flagNames(known, flags);
  return {
    file: flags.config,
    environment: process.env,
    flags: merge(flagTree(known, flags), given),
    set: flags.set,
    nameOf: (path: string) => {
      // The entry of a list has the list's flag.
      const whole = path.replace(/\.\d+$/, '');
      return names(whole) ?? argumentsOf[whole];
    },
  };
}

function all(groups: FlagGroups): readonly Flag[] {
  return Object.values(groups).flat();
}

function isOnlyPrinted(flags: MeasureFlags, config: object): boolean {
  if (flags.printConfig === true) process.stdout.write(printable(printConfig(config)));
  return flags.printConfig === true;
}

function printValues(values: SetValues, prefix: string): void {
  const rows = setFigures(values, prefix).map(({ name, value, note: remark = '' }) => [name, value, remark]);
  if (rows.length > 0) printLine(tableText({ columns: ['metric', 'value', ''], rows }));
}

function tableText({
  columns,
  rows,
}: {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}): string {
  return formatTable(columns, rows);
}
