/** The work of `svg-t2i reconstruct`. */

import { basename, extname, join } from 'node:path';
import { PUBLISHED_CELL_PIXELS } from '../config/latent-grid.js';
import type { ResolvedModelOptions } from '../config/model.js';
import { SvgT2IError } from '../errors.js';
import { type DecodeOptions, readImage } from '../image/decode.js';
import { encodeImage, outputFormatOf } from '../image/encode.js';
import { gridImage } from '../image/grid.js';
import { resizeImage } from '../image/resize.js';
import { cropImage, type RgbImage } from '../image/rgb-image.js';
import { SvgT2I } from '../pipeline.js';
import { isFolder } from '../release/find.js';
import { FoundRelease } from '../release/found-release.js';
import { layoutOf } from '../release/layout.js';
import { parseInteger } from './arguments.js';
import { formatTable, note, printJson, printLine, warn } from './output.js';
import { createProgressBar } from './progress.js';
import { listenForInterrupt } from './signals.js';
import { prepareFile, prepareFolder, writeWhole } from './write-file.js';

const GAP_PX = 8;

export async function reconstructAll(
  paths: readonly string[],
  options: {
    readonly model: ResolvedModelOptions;
    /** How the files are read. */
    readonly reading: Pick<DecodeOptions, 'autoOrient' | 'maxPixels'>;
    readonly output: string | undefined;
    /** Of the flag, as it was typed. */
    readonly maxSide: string;
    readonly json: boolean;
  },
): Promise<void> {
  const { model, reading, json } = options;
  const found = new FoundRelease(model);
  const { cellPixels = PUBLISHED_CELL_PIXELS } = found;
  const maxSide = parseInteger('--max-side', options.maxSide, { least: cellPixels });
  // Every file is decoded once before anything is loaded, so that a broken one is told at once.
  for (const path of paths) fitImage(await readImage(path, reading), maxSide, path, cellPixels);
  const files = await planFiles(paths, options.output);
  const parts = ['autoencoder'] as const;
  layoutOf(found, parts);

  using interrupt = listenForInterrupt();
  const { signal } = interrupt;
  const bar = createProgressBar(json ? 0 : paths.length);
  const rows: string[][] = [];
  try {
    await using pipeline = await SvgT2I.loadFound(found, { parts, signal });
    for (const message of pipeline.warnings) bar.aside(() => warn(message));
    for (const [i, path] of paths.entries()) {
      bar.update(i, path);
      const original = fitImage(await readImage(path, reading), maxSide, path, cellPixels);
      const [result] = await pipeline.reconstruct([original], { signal });
      const file = files[i];
      if (result === undefined || file === undefined) continue;
      const both = gridImage([original, result.image], { columns: 2, gapPx: GAP_PX });
      await writeWhole(file, await encodeImage(both, { format: outputFormatOf(file) }));
      const { width, height } = original;
      if (json) printJson({ type: 'image', image: path, file, width, height, psnr: result.psnr });
      rows.push([path, `${width}x${height}`, result.psnr.toFixed(2), file]);
    }
  } finally {
    bar.stop();
  }
  if (json) return;
  printLine(formatTable(['image', 'size', 'PSNR dB', 'written'], rows));
  if (rows.length > 1) {
    const mean = rows.reduce((sum, row) => sum + Number(row[2]), 0) / rows.length;
    note(`mean PSNR ${mean.toFixed(2)} dB`);
  }
}

/** Scaled down so that no side passes `maxSide`, then cut to whole cells around the middle. */
export function fitImage(image: RgbImage, maxSide: number, name: string, cellPixels: number): RgbImage {
  const scale = Math.min(1, maxSide / Math.max(image.width, image.height));
  const scaled = (side: number) => Math.max(1, Math.round(side * scale));
  const size = { width: scaled(image.width), height: scaled(image.height) };
  const small = scale === 1 ? image : resizeImage(image, size, 'bicubic');
  const width = small.width - (small.width % cellPixels);
  const height = small.height - (small.height % cellPixels);
  if (width === 0 || height === 0) {
    throw new SvgT2IError(
      'ERR_SVGT2I_IMAGE',
      `${name} is ${size.width}x${size.height}; at least ${cellPixels} pixels a side are needed`,
    );
  }
  const left = Math.floor((small.width - width) / 2);
  const top = Math.floor((small.height - height) / 2);
  return cropImage(small, { left, top, width, height });
}

async function planFiles(paths: readonly string[], output: string | undefined): Promise<readonly string[]> {
  const asFile = output !== undefined && extname(output) !== '' && !isFolder(output);
  if (asFile) {
    if (paths.length > 1) {
      throw new SvgT2IError(
        'ERR_SVGT2I_USAGE',
        `-o ${output} is one file, ${paths.length} pictures were given`,
        {
          hint: 'Pass a folder.',
        },
      );
    }
    outputFormatOf(output);
    await prepareFile(output, 0);
    return [output];
  }
  const folder = output ?? '.';
  await prepareFolder(folder, 0);
  const used = new Set<string>();
  return paths.map((path) => {
    const stem = basename(path, extname(path));
    let name = `${stem}-reconstruction.png`;
    // Two folders may hold pictures of one name.
    for (let n = 2; used.has(name); n++) name = `${stem}-reconstruction-${n}.png`;
    used.add(name);
    return join(folder, name);
  });
}
