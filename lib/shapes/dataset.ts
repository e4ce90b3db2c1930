/** Writes scenes to disk: pictures in folders of 1000, and a list with their captions once all are there. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { fileError, SvgT2IError, systemErrorCode } from '../errors.js';
import { makeFolder, removeDeadParts, replaceFile } from '../files.js';
import { encodeImage } from '../image/encode.js';
import { drawScene } from './draw.js';
import { type ExampleSource, exampleAt } from './example.js';
import { LIST_NAME } from './manifest.js';
import { CATEGORIES, PALETTES, SPLITS } from './vocabulary.js';

/** Says what a folder was written with, so that a second run goes on with it or refuses. */
const MARKER_NAME = 'dataset.json';
const PER_FOLDER = 1000;
/** PNGs in the making at a time. */
const LANES = 8;
const LIST_LINES_PER_WRITE = 1000;

const settingsSchema = z.object({
  kind: z.literal('svg-t2i shapes'),
  version: z.literal(1),
  seed: z.number(),
  sizePx: z.number(),
  split: z.enum(SPLITS),
  categories: z.array(z.enum(CATEGORIES)),
  palette: z.enum(PALETTES).default('named'),
});
type Settings = z.output<typeof settingsSchema>;

export interface ShapesDatasetOptions extends ExampleSource {
  readonly folder: string;
  readonly count: number;
  /** Side of the pictures. */
  readonly sizePx: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number) => void;
}

export interface ShapesDatasetResult {
  /** Path of the JSONL list. */
  readonly list: string;
  readonly images: number;
  /** Drawn by this call; the others were there already. */
  readonly written: number;
}

/**
 * Writes `count` pictures and their list. A folder that an interrupted run left, or a shorter one finished, is
 * completed.
 *
 * @throws SvgT2IError ERR_SVGT2I_INVALID_ARGUMENT for a folder that holds something else; ERR_SVGT2I_IO,
 *   ERR_SVGT2I_DISK_FULL; the reason of `signal`
 */
export async function writeShapesDataset(options: ShapesDatasetOptions): Promise<ShapesDatasetResult> {
  const { folder, count, sizePx, signal, onProgress } = options;
  if (options.palette === 'free' && options.split !== 'train') {
    throw new SvgT2IError(
      'ERR_SVGT2I_INVALID_ARGUMENT',
      'a free palette is for the training split: no combination is held out of it',
    );
  }
  await claimFolder(folder, {
    kind: 'svg-t2i shapes',
    version: 1,
    seed: options.seed,
    sizePx,
    split: options.split,
    categories: [...(options.categories ?? CATEGORIES)],
    palette: options.palette ?? 'named',
  });
  let next = 0;
  let done = 0;
  let written = 0;
  const lane = async (): Promise<void> => {
    while (next < count) {
      signal?.throwIfAborted();
      const index = next++;
      const path = join(folder, imagePath(index));
      if (!(await isThere(path))) {
        const image = drawScene(exampleAt(options, index).scene, sizePx);
        await replaceFile(path, [await encodeImage(image, { format: 'png' })]);
        written++;
      }
      onProgress?.(++done);
    }
  };
  for (let start = 0; start < count; start += PER_FOLDER)
    await makeFolder(join(folder, dirname(imagePath(start))));
  const lanes = await Promise.allSettled(
    Array.from({ length: LANES }, () =>
      lane().catch((error: unknown) => {
        next = count;
        throw error;
      }),
    ),
  );
  for (const result of lanes) if (result.status === 'rejected') throw result.reason;
  const list = join(folder, LIST_NAME);
  await replaceFile(list, listLines(options, count));
  return { list, images: count, written };
}

function* listLines(source: ExampleSource, count: number): Generator<string> {
  for (let start = 0; start < count; start += LIST_LINES_PER_WRITE) {
    const end = Math.min(start + LIST_LINES_PER_WRITE, count);
    let text = '';
    for (let index = start; index < end; index++) {
      const { prompt, scene } = exampleAt(source, index);
      text += `${JSON.stringify({ path: imagePath(index), prompt, ...scene })}\n`;
    }
    yield text;
  }
}

/** Relative, with slashes: 0001/001234.png. */
function imagePath(index: number): string {
  const folder = String(Math.floor(index / PER_FOLDER)).padStart(4, '0');
  return `${folder}/${String(index).padStart(6, '0')}.png`;
}

async function claimFolder(folder: string, settings: Settings): Promise<void> {
  const marker = join(folder, MARKER_NAME);
  await makeFolder(folder);
  const before = await readMarker(marker);
  if (before === undefined) {
    await removeDeadParts(folder);
    const names = await readdir(folder).catch((error: unknown) =>
      Promise.reject(fileError(error, 'read', folder)),
    );
    if (names.length > 0) {
      throw new SvgT2IError(
        'ERR_SVGT2I_INVALID_ARGUMENT',
        `${folder} is not empty and holds no data set of shapes`,
        { hint: 'Choose another folder.' },
      );
    }
    await replaceFile(marker, [`${JSON.stringify(settings)}\n`]);
    return;
  }
  for (const key of Object.keys(settings) as (keyof Settings)[]) {
    const [old, wanted] = [JSON.stringify(before[key]), JSON.stringify(settings[key])];
    if (old === wanted) continue;
    throw new SvgT2IError(
      'ERR_SVGT2I_INVALID_ARGUMENT',
      `${folder} was begun with another ${key}: ${old}, not ${wanted}`,
      { hint: 'Give the same settings to go on with it, or choose another folder.' },
    );
  }
}

async function readMarker(path: string): Promise<Settings | undefined> {
  try {
    const result = settingsSchema.safeParse(JSON.parse(await readFile(path, 'utf8')));
    return result.data;
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT' || error instanceof SyntaxError) return undefined;
    throw fileError(error, 'read', path);
  }
}

async function isThere(path: string): Promise<boolean> {
  try {
    // A crash of the machine may leave an empty file behind.
    return (await stat(path)).size > 0;
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return false;
    throw fileError(error, 'read', path);
  }
}
