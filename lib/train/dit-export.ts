/** A trained transformer in the release's layout. */
import { copyFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { DitTrainingConfig } from '../config/train-dit.js';
import type { Engine } from '../engine.js';
import { fileError } from '../errors.js';
import { makeFolder, writeDurably } from '../files.js';
import { ditConfigFile } from '../release/dit-config.js';
import type { ExportOptions } from './export-types.js';

/**
 * Writes dit-NAME/consolidated.00-of-01.pth (or .safetensors) and, where averages are kept, consolidated_ema, with the
 * dimensions and the kind of text features beside them, and the statistics that turn what the model draws back into features.
 */
export async function exportDit(
  engine: Engine,
  config: DitTrainingConfig,
  options: ExportOptions & { readonly folder: string; readonly statistics: string | undefined },
): Promise<readonly string[]> {
  const { folder, name, isFirst, statistics, dtype = 'fp32', format, onlyAverages = false, settle } = options;
  const extension = format === 'safetensors' ? 'safetensors' : 'pth';
  const dit = join(folder, `dit-${name.replace(/^dit[-_]/, '')}`);
  if (isFirst) await makeFolder(dit);
  const raw = { path: join(dit, `consolidated.00-of-01.${extension}`), weights: 'raw' } as const;
  const ema = { path: join(dit, `consolidated_ema.00-of-01.${extension}`), weights: 'ema' } as const;
  const averages = onlyAverages ? [ema] : [raw, ema];
  const files = config.ema.decay > 0 ? averages : [raw];
  for (const file of files) {
    await engine.run('train-export', { ...file, dtype });
    await settle?.();
  }
  if (!isFirst) return [];
  const args = join(dit, 'model_args.json');
  await writeDurably(args, ditConfigFile(config.model, config.frozen.attentionSoftCap ?? false));
  return [...files.map(({ path }) => path), args, ...(await copyInto(folder, statistics))];
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
