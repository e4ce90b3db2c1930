/** `image_preprocess` cases: the bucket lists, and pictures cut to a bucket. */

import { join } from 'node:path';
import { types } from 'node:util';
import { z } from 'zod';
import { chooseBucket, cropSizeList } from '../../data/buckets.js';
import { centerCropToBucket } from '../../data/crop.js';
import { readImage } from '../../image/decode.js';
import type { Comparison } from '../comparison.js';
import type { GoldenCase } from '../golden-case.js';

const DEFAULT_MAX_RATIO = 4;

const listsSchema = z.looseObject({
  lists: z.array(
    z.looseObject({
      resolution: z.number(),
      max_ratio: z.number().default(DEFAULT_MAX_RATIO),
      sizes: z.array(z.tuple([z.number(), z.number()])),
    }),
  ),
});

const rowsSchema = z.looseObject({
  tolerance: z
    .looseObject({ max_abs: z.number(), mean_abs: z.number().optional() })
    .default({ max_abs: 3, mean_abs: 0.25 }),
  rows: z.array(
    z.looseObject({
      file: z.string(),
      resolution: z.number(),
      max_ratio: z.number().default(DEFAULT_MAX_RATIO),
      width: z.number(),
      height: z.number(),
      pixels: z.string(),
    }),
  ),
});

export async function runImagePreprocessCase(golden: GoldenCase, result: Comparison): Promise<void> {
  if ('lists' in golden.spec) compareLists(golden, result);
  if ('rows' in golden.spec) await comparePictures(golden, result);
}

function compareLists(golden: GoldenCase, result: Comparison): void {
  for (const { resolution, max_ratio: maxRatio, sizes } of listsSchema.parse(golden.spec).lists) {
    const got = cropSizeList({ resolution, maxRatio });
    const flat = got.flatMap(({ width, height }) => [width, height]);
    result.expectEqual(`sizes of ${resolution} px, ratio ${maxRatio}`, flat, sizes.flat());
  }
}

async function comparePictures(golden: GoldenCase, result: Comparison): Promise<void> {
  const { rows, tolerance } = rowsSchema.parse(golden.spec);
  for (const row of rows) {
    const label = `${row.file} at ${row.resolution} px`;
    const image = await readImage(join(golden.folder, row.file));
    const buckets = cropSizeList({ resolution: row.resolution, maxRatio: row.max_ratio });
    const cropped = centerCropToBucket(image, chooseBucket(image, buckets));
    result.expectText(`${label} bucket`, `${cropped.width}x${cropped.height}`, `${row.width}x${row.height}`);
    const want = await golden.tensor(row.pixels);
    if (!types.isUint8Array(want.data)) {
      result.fail(`${row.pixels} holds no 8-bit pixels`);
      continue;
    }
    const bounds = { maxAbs: tolerance.max_abs, meanAbs: tolerance.mean_abs ?? Number.POSITIVE_INFINITY };
    result.expectPixels(label, cropped.data, want.data, bounds);
  }
}
