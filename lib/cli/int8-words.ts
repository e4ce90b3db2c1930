/** How much of a weight file is int8, in a line. */
import type { Int8Summary } from '../weight-files.js';

/** Of them are named. */
const MOST_NAMED = 6;

/** `int8, 40 of 44 matrices; left out: x_embedder.weight, ...` */
export function int8Words({ matrices, leftOut }: Int8Summary): string {
  const named = leftOut.slice(0, MOST_NAMED).join(', ');
  const more = leftOut.length > MOST_NAMED ? ` and ${leftOut.length - MOST_NAMED} more` : '';
  const rest = leftOut.length === 0 ? '' : `; left out: ${named}${more}`;
  return `int8, ${matrices} of ${matrices + leftOut.length} matrices${rest}`;
}
