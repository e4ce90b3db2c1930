/** The numbers that PyTorch's CPU generator draws, so that an order of training items means the same in both. */
import { SvgT2IError } from '../errors.js';

const STATE_SIZE = 624;
const SHIFT_SIZE = 397;
const UPPER_MASK = 0x80000000;
const LOWER_MASK = 0x7fffffff;
const TWIST = 0x9908b0df;

/**
 * MT19937 (Matsumoto and Nishimura, 1998), seeded as native/core/rng.cpp does: below 2^32 as at::mt19937, above with both
 * words; of a negative seed the low word of its two's complement.
 */
export class MersenneTwister {
  readonly #state = new Uint32Array(STATE_SIZE);
  #next = STATE_SIZE;

  constructor(seed: number) {
    // ECMAScript's >>> takes the low word of any integer, exactly.
    const low = seed >>> 0;
    const high = seed < 0 ? 0 : Math.floor(seed / 2 ** 32);
    if (high === 0) this.#seedWithWord(low);
    else this.#seedWithWords([low, high]);
  }

  #seedWithWord(word: number): void {
    const state = this.#state;
    state[0] = word;
    for (let i = 1; i < STATE_SIZE; i++) state[i] = Math.imul(1812433253, this.#mixed(i - 1)) + i;
  }

  /** init_by_array of mt19937ar (2002), as Python's random.seed calls it. */
  #seedWithWords(key: readonly [number, number]): void {
    const state = this.#state;
    this.#seedWithWord(19650218);
    let i = 1;
    const advance = () => {
      if (++i < STATE_SIZE) return;
      state[0] = this.#at(STATE_SIZE - 1);
      i = 1;
    };
    for (let k = 0; k < STATE_SIZE; k++, advance()) {
      state[i] = (this.#at(i) ^ Math.imul(1664525, this.#mixed(i - 1))) + (k % 2 === 0 ? key[0] : key[1] + 1);
    }
    for (let k = 1; k < STATE_SIZE; k++, advance()) {
      state[i] = (this.#at(i) ^ Math.imul(1566083941, this.#mixed(i - 1))) - i;
    }
    state[0] = 0x80000000;
  }

  #mixed(index: number): number {
    const value = this.#at(index);
    return value ^ (value >>> 30);
  }

  /** The next unsigned 32-bit number. */
  nextUint32(): number {
    if (this.#next === STATE_SIZE) this.#refill();
    let value = this.#at(this.#next++);
    value ^= value >>> 11;
    value ^= (value << 7) & 0x9d2c5680;
    value ^= (value << 15) & 0xefc60000;
    value ^= value >>> 18;
    return value >>> 0;
  }

  #at(index: number): number {
    return this.#state[index % STATE_SIZE] as number;
  }

  #refill(): void {
    for (let i = 0; i < STATE_SIZE; i++) {
      const mixed = (this.#at(i) & UPPER_MASK) | (this.#at(i + 1) & LOWER_MASK);
      this.#state[i] = this.#at(i + SHIFT_SIZE) ^ (mixed >>> 1) ^ (mixed & 1 ? TWIST : 0);
    }
    this.#next = 0;
  }
}

/** From here on torch.randperm draws 64 bits an item; no list of images comes near. */
const MAX_ITEMS = Math.floor(0xffffffff / 20);

/**
 * torch.randperm(count) from a CPU generator after manual_seed(seed); from 2^32 on the seed's high word counts as well.
 *
 * @throws SvgT2IError ERR_SVGT2I_INVALID_ARGUMENT for a count or a seed that is no integer in range
 */
export function randomPermutation(count: number, seed: number): Uint32Array {
  if (!Number.isInteger(count) || count < 0 || count >= MAX_ITEMS) {
    throw new SvgT2IError('ERR_SVGT2I_INVALID_ARGUMENT', `a permutation of ${count} items cannot be drawn`, {
      hint: `Give an integer from 0 to ${MAX_ITEMS - 1}.`,
    });
  }
  if (!Number.isSafeInteger(seed)) {
    throw new SvgT2IError('ERR_SVGT2I_INVALID_ARGUMENT', `the seed ${seed} is no integer`);
  }
  const generator = new MersenneTwister(seed);
  const order = new Uint32Array(count);
  for (let i = 0; i < count; i++) order[i] = i;
  for (let i = 0; i < count - 1; i++) {
    const other = i + (generator.nextUint32() % (count - i));
    const kept = order[i] as number;
    order[i] = order[other] as number;
    order[other] = kept;
  }
  return order;
}

/**
 * A number in [0, 1) that depends on its arguments alone (the 32-bit finaliser of MurmurHash3 over each of them): what
 * is drawn for sample `draw` of a run is the same after a resume and on any number of processes.
 */
export function uniformDraw(seed: number, draw: number): number {
  const words = [seed, seed / 2 ** 32, draw, draw / 2 ** 32];
  let hash = 0;
  for (const word of words) hash = mix32(hash ^ (Math.trunc(word) >>> 0)) + 0x9e3779b9;
  return (mix32(hash) >>> 0) / 2 ** 32;
}

function mix32(value: number): number {
  let mixed = value >>> 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
