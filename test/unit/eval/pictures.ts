/** Picture files and npz files for tests of what measures them. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll } from 'vitest';
import { writeNpz } from '../../../lib/npz/write.js';

export let folder: string;

/** A folder for one file's tests; `folder` is its path. */
export function useFolder(): void {
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'svg-eval-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));
}

export interface PictureOptions {
  readonly width?: number;
  readonly height?: number;
  readonly format?: 'png' | 'jpeg';
  /** 0 to 1 of the alpha channel; none where not given. */
  readonly alpha?: number;
  readonly bits?: 8 | 16;
}

/** A picture of one grey level; the path below `folder`, whose extension must fit the format. */
export async function writePicture(
  name: string,
  level: number,
  { width = 16, height = 16, format = 'png', alpha, bits = 8 }: PictureOptions = {},
): Promise<string> {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  const background = { r: level, g: level, b: level, ...(alpha === undefined ? {} : { alpha }) };
  const picture = sharp({ create: { width, height, channels: alpha === undefined ? 3 : 4, background } });
  const deep = bits === 16 ? picture.toColourspace('rgb16') : picture;
  writeFileSync(path, await deep.toFormat(format).toBuffer());
  return path;
}

/** Pictures NAME/00.png ... of these levels. */
export async function writeSet(
  name: string,
  levels: readonly number[],
  options?: PictureOptions,
): Promise<string> {
  for (const [i, level] of levels.entries()) {
    const ending = options?.format === 'jpeg' ? 'jpg' : 'png';
    await writePicture(join(name, `${String(i).padStart(2, '0')}.${ending}`), level, options);
  }
  return join(folder, name);
}

/** An npz of 8 x 8 pictures of these levels, and statistics where given. */
export async function writeSamples(
  name: string,
  levels: readonly number[] | undefined,
  statistics?: { readonly mean: number; readonly variance: number; readonly spatial?: boolean },
): Promise<string> {
  const path = join(folder, name);
  const pixels = Uint8Array.from((levels ?? []).flatMap((level) => Array(8 * 8 * 3).fill(level)));
  const one = (name: string, value: number, ...shape: number[]) =>
    ({ name, dtype: 'float64', shape, data: Float64Array.of(value) }) as const;
  await writeNpz(path, [
    ...(levels === undefined
      ? []
      : [{ name: 'arr_0', dtype: 'uint8', shape: [levels.length, 8, 8, 3], data: pixels } as const]),
    ...(statistics === undefined
      ? []
      : [one('mu', statistics.mean, 1), one('sigma', statistics.variance, 1, 1)]),
    ...(statistics?.spatial === true
      ? [one('mu_s', statistics.mean, 1), one('sigma_s', statistics.variance, 1, 1)]
      : []),
  ]);
  return path;
}
