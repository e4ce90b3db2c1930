/** What is told before a run that will not fit, or takes long: in words, with the flags that help. */

import type { Alternative, Estimate } from './types.js';
import { duration, gigabytes } from './words.js';

/** A run of more seconds is told of. */
export const LONG_RUN_SECONDS = 600;
/** Of a shorter picture no smaller one is spoken of. */
const QUICK_PICTURE_SECONDS = 60;

/** Remarks for people, none where all is well. */
export function adviceOn(estimate: Estimate, { longSeconds = LONG_RUN_SECONDS } = {}): readonly string[] {
  return [...memoryAdvice(estimate), ...timeAdvice(estimate, longSeconds)];
}

function memoryAdvice(estimate: Estimate): readonly string[] {
  const { memory, free, fits, device } = estimate;
  if (free === undefined || fits !== false) return [];
  const { activations, total, runtime } = memory;
  const weights = total - activations - runtime;
  const needs =
    `this needs about ${gigabytes(total)} on ${device} (${gigabytes(weights)} of weights, ` +
    `${gigabytes(activations)} while it draws), ${gigabytes(free)} are free`;
  const ways = memoryWays(estimate, free);
  return [
    ways.length === 0 ? `${needs}: nothing less of this model fits` : `${needs}: ${ways.join(', or ')}`,
  ];
}

function memoryWays({ dtype, batchSize, memory, device, alternatives }: Estimate, free: number): string[] {
  const ways: string[] = [];
  const own = alternatives.find((one) => one.dtype === dtype);
  if (batchSize > 1 && (own?.batch ?? 0) > 0) ways.push(`--batch-size ${own?.batch} fits`);
  const smaller = alternatives.find((one) => one.dtype !== dtype && one.fits === true);
  if (smaller !== undefined) ways.push(`--dtype ${smaller.dtype} takes ${gigabytes(smaller.total)}`);
  const text = memory.weights.textEncoder ?? 0;
  if (device.startsWith('cuda') && memory.offloaded === 0 && memory.total - text <= free && text > 0) {
    ways.push(`--offload takes ${gigabytes(memory.total - text)}`);
  }
  const size = own?.largest ?? alternatives.find(({ largest }) => largest !== undefined)?.largest;
  if (size !== undefined) ways.push(`--size ${size.width}x${size.height} fits`);
  return ways;
}

function timeAdvice(estimate: Estimate, longSeconds: number): readonly string[] {
  const { time, evaluations, pictures, alternatives, dtype, width, height } = estimate;
  if (time?.run === undefined || time.picture === undefined || evaluations === undefined) return [];
  if (time.run <= longSeconds) return [];
  const count = pictures === 1 ? '' : `${pictures} pictures, ${duration(time.picture)} each, `;
  const steps = evaluations.guided + evaluations.single;
  const ways: string[] = [];
  const faster = fasterThan(alternatives, dtype);
  if (faster !== undefined) ways.push(`--dtype ${faster.dtype} takes ${share(faster.step, time.step)} of it`);
  if (time.picture > QUICK_PICTURE_SECONDS) {
    ways.push('a smaller --size and fewer --steps take less');
    if (evaluations.guided > 0) ways.push('--guidance 1 about half');
  }
  const hint = ways.length === 0 ? '' : `; ${ways.join(', ')}`;
  return [
    `this takes about ${duration(time.run)} (${count}${steps} steps of ${duration(time.step)} at ${width}x${height})${hint}`,
  ];
}

function fasterThan(
  alternatives: readonly Alternative[],
  dtype: string,
): Required<Pick<Alternative, 'dtype' | 'step'>> | undefined {
  const own = alternatives.find((one) => one.dtype === dtype)?.step ?? 0;
  for (const { dtype: other, step } of alternatives) {
    if (step !== undefined && other !== dtype && step < 0.8 * own) return { dtype: other, step };
  }
  return undefined;
}

const share = (part: number, whole: number) => `${Math.round((100 * part) / whole)} %`;
