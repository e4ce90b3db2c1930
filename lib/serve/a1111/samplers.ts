/** Solvers under the names that A1111's users know. */
import { nearest } from '../../config/nearest.js';
import { SOLVERS } from '../../config/request.js';
import type { Solver } from '../../config/settings.js';
import { ApiError } from '../errors.js';

/** A1111's names of what is the same here; its ancestral samplers ("Euler a") have no counterpart. */
const ALIASES: Readonly<Partial<Record<Solver, readonly string[]>>> = {
  'dpm++': ['DPM++ 2M', 'dpmpp_2m'],
  euler: ['Euler'],
  heun: ['Heun'],
};

/** What clients send where nothing was chosen. */
const NOTHING_CHOSEN = ['', 'automatic', 'none', 'default'];

/** As /sdapi/v1/samplers lists them. */
export function samplerList(): readonly { name: string; aliases: readonly string[]; options: object }[] {
  return SOLVERS.map((name) => ({ name, aliases: ALIASES[name] ?? [], options: {} }));
}

/**
 * The solver of a sampler's name; undefined where none was chosen.
 *
 * @throws ApiError 400 for a name that is not listed
 */
export function solverOf(sampler: string | null | undefined): Solver | undefined {
  const wanted = (sampler ?? '').trim().toLowerCase();
  if (NOTHING_CHOSEN.includes(wanted)) return undefined;
  const found = samplerList().find(({ name, aliases }) =>
    [name, ...aliases].some((known) => known.toLowerCase() === wanted),
  );
  if (found !== undefined) return SOLVERS.find((solver) => solver === found.name);
  const close = nearest(wanted, SOLVERS);
  throw new ApiError(
    400,
    'sampler_not_found',
    `sampler_name: "${sampler}" is not known here${close === undefined ? '' : `, did you mean "${close}"?`} ` +
      `There are ${SOLVERS.join(', ')}.`,
    { param: 'sampler_name' },
  );
}
