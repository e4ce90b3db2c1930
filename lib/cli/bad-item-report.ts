/** Names the first pictures that cannot be read; there may be thousands. */
import { note, warn } from './output.js';

const MAX_NAMED = 20;

/** `aside` prints beside a progress bar. */
export function badItemReport(aside: (print: () => void) => void): (message: string) => void {
  let count = 0;
  return (message) => {
    count++;
    if (count <= MAX_NAMED) aside(() => warn(`left out: ${message}`));
    if (count === MAX_NAMED)
      aside(() => note('more pictures that cannot be read are counted, but not named'));
  };
}
