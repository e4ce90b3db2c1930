/** The seed: kept, or another one each time. */
import { byId } from './dom.js';
import { numberProblems } from './field-problems.js';
import { numberOf } from './settings.js';

/** @import { Problem } from './field-problems.js' */
/** @import { DrawBody } from './types.js' */

/** Seeds of nine digits can be read out and typed. */
const RANDOM_BELOW = 1_000_000_000;

export class SeedField {
  #seed = byId('seed', HTMLInputElement);
  #random = byId('seed-random', HTMLInputElement);
  /** The seed of the last picture, which people mean when they ask to keep it. @type {number | undefined} */
  #last;

  constructor() {
    this.#seed.required = true;
    this.#random.addEventListener('change', () => {
      if (!this.#random.checked) this.#seed.value = String(this.#last ?? randomSeed());
      this.#showMode();
    });
  }

  /** @param {number} seed */
  drawn(seed) {
    this.#last = seed;
    this.#showMode();
  }

  /** @param {DrawBody} body */
  fill(body) {
    const seed = numberOf(body, 'seed');
    this.#random.checked = seed === undefined;
    this.#seed.value = seed === undefined ? '' : String(seed);
    this.#showMode();
  }

  /** @returns {{ part: DrawBody, problems: Problem[] }} */
  read() {
    if (this.#random.checked) return { part: {}, problems: [] };
    const problems = numberProblems(this.#seed);
    return { part: problems.length > 0 ? {} : { seed: this.#seed.valueAsNumber }, problems };
  }

  #showMode() {
    const isRandom = this.#random.checked;
    this.#seed.disabled = isRandom;
    if (isRandom) this.#seed.value = '';
    this.#seed.placeholder = isRandom && this.#last !== undefined ? `last: ${this.#last}` : '';
  }
}

function randomSeed() {
  const [word = 0] = crypto.getRandomValues(new Uint32Array(1));
  return word % RANDOM_BELOW;
}
