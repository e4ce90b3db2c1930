/** What features depend on: settings of the data and the frozen weights. */
import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { DEFAULT_SYSTEM_PROMPT } from '../config/request.js';
import type { DitTrainingConfig } from '../config/train-dit.js';
import { fileError } from '../errors.js';
import { hashFile } from '../files.js';
import { entries, isFolder } from '../release/find.js';
import type { ReleaseLayout } from '../release/layout.js';
import { type CacheSource, CONTENT, SOFT_CAP_KEY } from './cache-index.js';
import type { TrainingDataset } from './dataset.js';
import { trainingSoftCap } from './soft-cap.js';

/** Only the parts that `layout` has are hashed. */
export async function cacheSource(
  config: DitTrainingConfig,
  dataset: Pick<TrainingDataset, 'length' | 'fingerprints'>,
  layout: ReleaseLayout,
): Promise<CacheSource> {
  const { resolution, aspect, maxRatio, autoOrient, sets } = config.data;
  // No text is read with classes.
  const readsText = config.model.kind !== 'svg';
  const { maxTokens } = config.captions;
  const values: Record<string, unknown> = { resolution, aspect, autoOrient };
  if (readsText) values.maxTokens = maxTokens;
  if (aspect === 'multi') values.maxRatio = maxRatio;
  const fingerprints = await dataset.fingerprints();
  for (const [i, { path, ratio, systemPrompt = DEFAULT_SYSTEM_PROMPT, prompt }] of sets.entries()) {
    const bytes = await sizeOf(path);
    values[`sets.${i}`] = {
      name: basename(path),
      bytes,
      ratio,
      ...(readsText ? { systemPrompt, prompt } : {}),
    };
    values[`sets.${i}.${CONTENT}`] = fingerprints[i];
  }
  const texts = Object.entries(values).map(([key, value]) => [`data.${key}`, JSON.stringify(value)]);
  const softCap = readsText ? { [SOFT_CAP_KEY]: String(trainingSoftCap(config, layout.folder)) } : {};
  return {
    config: { ...Object.fromEntries(texts), ...softCap },
    weights: await hashWeights(layout),
    items: dataset.length,
  };
}

/** Of a list. */
async function sizeOf(path: string): Promise<number | undefined> {
  try {
    const entry = await stat(path);
    return entry.isDirectory() ? undefined : entry.size;
  } catch (error) {
    throw fileError(error, 'read', path);
  }
}

/** A file, or the weights in a folder of Hugging Face, whose config.json says how they are read. */
function encoderFiles(encoder: string): Readonly<Record<string, string>> {
  if (!isFolder(encoder)) return { encoder };
  const names = entries(encoder)
    .map(({ name }) => name)
    .filter((name) => /\.(safetensors|bin)$|^config\.json$/.test(name));
  return Object.fromEntries(names.map((name) => [`encoder ${name}`, join(encoder, name)]));
}

async function hashWeights(layout: ReleaseLayout): Promise<Record<string, string>> {
  const { autoencoder, textEncoder } = layout;
  const files: Record<string, string> = {};
  if (autoencoder !== undefined) {
    const { encoder, checkpoint, config } = autoencoder;
    if (encoder !== undefined) Object.assign(files, encoderFiles(encoder));
    // Autoencoder-R adds channels of its own, and a checkpoint may hold the encoder.
    if (encoder === undefined || config?.residual !== null) files.autoencoder = checkpoint;
  }
  if (textEncoder !== undefined) {
    const all = await readdir(textEncoder).catch((error: unknown) => {
      throw fileError(error, 'read', textEncoder);
    });
    const names = all.filter((name) => name.endsWith('.safetensors') || name === 'tokenizer.json');
    for (const name of names.sort()) files[`text encoder ${name}`] = join(textEncoder, name);
  }
  const hashes = Object.entries(files).map(
    async ([part, path]) => [part, (await hashFile(path)).sha256] as const,
  );
  return Object.fromEntries(await Promise.all(hashes));
}
