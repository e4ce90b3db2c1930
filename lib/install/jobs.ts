/** How many files are compiled at once: no more than the processor and the memory bear. */
import { availableParallelism } from 'node:os';
import { SvgT2IError } from '../errors.js';
import { memoryLimit } from './memory.js';

/** A translation unit that includes ATen takes up to 1.5 GiB. */
const BYTES_A_JOB = 1.5 * 1024 ** 3;
const MOST = 1024;

/** Asked for by name, else by CMake's own variable, else what the machine bears. */
export function buildJobs(
  asked: number | undefined,
  env: NodeJS.ProcessEnv = process.env,
  memory: number = memoryLimit(),
): number {
  if (asked !== undefined) return whole(asked, '--jobs');
  const level = env.CMAKE_BUILD_PARALLEL_LEVEL;
  if (level !== undefined && level !== '') return whole(Number(level), 'CMAKE_BUILD_PARALLEL_LEVEL');
  return Math.max(1, Math.min(availableParallelism(), Math.floor(memory / BYTES_A_JOB)));
}

function whole(value: number, name: string): number {
  if (Number.isInteger(value) && value >= 1 && value <= MOST) return value;
  throw new SvgT2IError('ERR_SVGT2I_USAGE', `${name} must be a whole number from 1 to ${MOST}`);
}
