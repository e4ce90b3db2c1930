import type { Timings } from './types.js';

export const NO_TIME: Timings = {
  encode: 0,
  sample: 0,
  model: 0,
  decode: 0,
  evaluations: 0,
  unconditionalEvaluations: 0,
  reusedEvaluations: 0,
};

export function addTimings(sum: Timings, more: Partial<Timings>): Timings {
  const keys = Object.keys(NO_TIME) as (keyof Timings)[];
  const sums = keys.map((key): [string, number] => [key, sum[key] + (more[key] ?? 0)]);
  return { ...sum, ...Object.fromEntries(sums) };
}
