/** The list of a data set of scenes: a line a picture, which `PictureList` reads too. */
import type { FileHandle } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { z } from 'zod';
import { validate } from '../config/validate.js';
import { firstLine, SvgT2IError } from '../errors.js';
import { openRegular, readText } from '../regular-file.js';
import type { SceneSpec } from './scene.js';
import {
  BACKGROUND_NAMES,
  CATEGORIES,
  COLOUR_NAMES,
  OBJECT_SIZES,
  RELATIONS,
  SHAPES,
  SPLITS,
} from './vocabulary.js';

const MAX_LIST_BYTES = 256 * 1024 * 1024;

/** Name of the list in its folder. */
export const LIST_NAME = 'shapes.jsonl';

const colour = z.enum(COLOUR_NAMES);
const background = z.enum(BACKGROUND_NAMES);

const specSchema = z.strictObject({
  category: z.enum(CATEGORIES),
  groups: z
    .array(
      z.strictObject({
        count: z.number().int().min(1),
        shape: z.enum(SHAPES),
        colour: colour.exactOptional(),
      }),
    )
    .min(1)
    .max(2),
  relation: z.enum(RELATIONS).exactOptional(),
  background: background.exactOptional(),
  size: z.enum(OBJECT_SIZES).exactOptional(),
});

const lineSchema = z.looseObject({
  path: z.string().min(1),
  prompt: z.string(),
  split: z.enum(SPLITS).optional(),
  asked: specSchema,
});

export interface ListedScene {
  /** Of the picture, absolute. */
  readonly path: string;
  readonly prompt: string;
  readonly asked: SceneSpec;
}

/**
 * Every line of a list.
 *
 * @throws SvgT2IError ERR_SVGT2I_FILE_NOT_FOUND, ERR_SVGT2I_IO, or ERR_SVGT2I_FILE_FORMAT with the number of the line
 */
export async function readSceneList(path: string): Promise<readonly ListedScene[]> {
  const text = await readText(path, { maxBytes: MAX_LIST_BYTES });
  const scenes = text.split('\n').flatMap((line, index) => {
    if (line.trim() === '') return [];
    const source = `${path}:${index + 1}`;
    const entry = validate(lineSchema, parseLine(line, source), { source, code: 'ERR_SVGT2I_FILE_FORMAT' });
    return [{ path: resolve(dirname(path), entry.path), prompt: entry.prompt, asked: entry.asked }];
  });
  if (scenes.length === 0) throw new SvgT2IError('ERR_SVGT2I_FILE_FORMAT', `${path} lists no pictures`);
  return scenes;
}

/** More than any line of a scene. */
const HEAD_BYTES = 64 * 1024;

/** Whether a file is such a list, by its first line; false for what cannot be read. */
export async function isSceneList(path: string): Promise<boolean> {
  if (basename(path) !== LIST_NAME) return false;
  let file: FileHandle | undefined;
  try {
    file = await openRegular(path);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
    const [line = ''] = buffer.toString('utf8', 0, bytesRead).split('\n', 1);
    return lineSchema.safeParse(JSON.parse(line)).success;
  } catch {
    return false;
  } finally {
    await file?.close();
  }
}

function parseLine(line: string, source: string): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    throw new SvgT2IError('ERR_SVGT2I_FILE_FORMAT', `${source}: no JSON: ${firstLine(error)}`);
  }
}
