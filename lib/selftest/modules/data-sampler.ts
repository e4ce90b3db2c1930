/** `data_sampler` cases: the order of the items per rank. */
import { z } from 'zod';
import { sampleOrder } from '../../data/sampler.js';
import type { Comparison } from '../comparison.js';
import type { GoldenCase } from '../golden-case.js';

const integer = z.number().int();
const specSchema = z.looseObject({
  rows: z.array(
    z.looseObject({
      items: integer,
      rank: integer.default(0),
      world_size: integer.default(1),
      global_batch: integer,
      steps: integer,
      resume_step: integer.default(0),
      seed: integer,
      indices: z.array(integer),
    }),
  ),
});

export async function runDataSamplerCase(golden: GoldenCase, result: Comparison): Promise<void> {
  specSchema.parse(golden.spec).rows.forEach((row, index) => {
    const order = sampleOrder({
      items: row.items,
      rank: row.rank,
      worldSize: row.world_size,
      globalBatch: row.global_batch,
      steps: row.steps,
      resumeStep: row.resume_step,
      seed: row.seed,
    });
    result.expectEqual(`row ${index}`, [...order], row.indices);
  });
}
