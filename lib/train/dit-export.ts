/** A trained transformer in the release's layout. */
import { copyFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { DitTrainingConfig } from '../config/train-dit.js';
import type { Engine } from '../engine.js';
import { fileError } from '../errors.js';
import { makeFolder, writeDurably } from '../files.js';
import { classNamesFile } from '../release/class-names.js';
import { ditConfigFile } from '../release/dit-config.js';
import type { ExportOptions } from './export-types.js';

/**
 * Writes dit-NAME/consolidated.00-of-01.pth (or .safetensors) and, where averages are kept, consolidated_ema, with the
 * dimensions and the kind of text features beside them, and the statistics that turn what the model draws back into features.
 */
export async function exportDit(
  engine: Engine,
  config: DitTrainingConfig,
  options: ExportOptions & {
    readonly folder: string;
    readonly statistics: string | undefined;
    /** Names of the classes, in their order. */
    readonly classes?: readonly string[] | undefined;
  },
): Promise<readonly string[]> {
  const { folder, name, isFirst, statistics, dtype = 'fp32', format, onlyAverages = false, settle } = options;
  // SVG's own scripts read {"ema": ...} of a .pt file.
  const isSvg = config.model.kind === 'svg';
  const extension = format === 'safetensors' ? 'safetensors' : isSvg ? 'pt' : 'pth';
  const nesting = isSvg && extension === 'pt' ? { nesting: 'ema' } : {};
  const dit = join(folder, `dit-${name.replace(/^dit[-_]/, '')}`);
  if (isFirst) await makeFolder(dit);
  const raw = { path: join(dit, `consolidated.00-of-01.${extension}`), weights: 'raw' } as const;
  const ema = { path: join(dit, `consolidated_ema.00-of-01.${extension}`), weights: 'ema' } as const;
  const averages = onlyAverages ? [ema] : [raw, ema];
  const files = config.ema.decay > 0 ? averages : [raw];
  for (const file of files) {
    await engine.run('train-export', { ...file, dtype, ...nesting });
    await settle?.();
  }
  if (!isFirst) return [];
  const args = join(dit, 'model_args.json');
  await writeDurably(
    args,
    ditConfigFile(config.model, isSvg ? undefined : (config.frozen.attentionSoftCap ?? false)),
  );
  const names = await writeClassNames(dit, options.classes ?? []);
  return [...files.map(({ path }) => path), args, ...names, ...(await copyInto(folder, statistics))];
}

/** What `sample --class NAME` reads. */
async function writeClassNames(folder: string, classes: readonly string[]): Promise<readonly string[]> {
  if (classes.length === 0) return [];
  const path = join(folder, 'class_names.json');
  await writeDurably(path, classNamesFile(classes));
  return [path];
}

async function copyInto(folder: string, file: string | undefined): Promise<readonly string[]> {
  if (file === undefined) return [];
  const copy = join(folder, basename(file));
  try {
    if (copy !== file) await copyFile(file, copy);
  } catch (error) {
    throw fileError(error, 'write', copy);
  }
  return [copy];
}
