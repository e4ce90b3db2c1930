/** `fid_image_preprocess` cases: pictures cut as ADM's reference sets were. */
import { join } from 'node:path';
import { types } from 'node:util';
import { z } from 'zod';
import { admCenterCrop } from '../../image/adm-crop.js';
import { readImage } from '../../image/decode.js';
import type { Comparison } from '../comparison.js';
import type { GoldenCase } from '../golden-case.js';

const specSchema = z.looseObject({
  tolerance: z.looseObject({ max_abs: z.number(), mean_abs: z.number() }),
  rows: z.array(z.looseObject({ file: z.string(), resolution: z.number(), pixels: z.string() })).min(1),
});

export async function runFidImagePreprocessCase(golden: GoldenCase, result: Comparison): Promise<void> {
  const { rows, tolerance } = specSchema.parse(golden.spec);
  for (const row of rows) {
    const image = await readImage(join(golden.folder, row.file), { alpha: 'drop', autoOrient: false });
    const want = await golden.tensor(row.pixels);
    if (!types.isUint8Array(want.data)) {
      result.fail(`${row.pixels} holds no 8-bit pixels`);
      continue;
    }
    const bounds = { maxAbs: tolerance.max_abs, meanAbs: tolerance.mean_abs };
    result.expectPixels(row.file, admCenterCrop(image, row.resolution).data, want.data, bounds);
  }
}
