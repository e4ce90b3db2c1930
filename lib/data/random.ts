/** The numbers that PyTorch's CPU generator draws, so that an order of training items means the same in both. */
import { SvgT2IError } from '../errors.js';

const STATE_SIZE = 624;
const SHIFT_SIZE = 397;
const UPPER_MASK = 0x80000000;
const LOWER_MASK = 0x7fffffff;
const TWIST = 0x9908b0df;

/** MT19937 (Matsumoto and Nishimura, 1998) seeded as at::mt19937: with the low 32 bits of the seed. */
export class MersenneTwister {
  readonly #state = new Uint32Array(STATE_SIZE);
  #next = STATE_SIZE;

  constructor(seed: number) {
    const state = this.#state;
    let previous = seed >>> 0;
    state[0] = previous;
    for (let i = 1; i < STATE_SIZE; i++) {
      previous = (Math.imul(1812433253, previous ^ (previous >>> 30)) + i) >>> 0;
      state[i] = previous;
    }
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
 * torch.randperm(count) from a CPU generator after manual_seed(seed).
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
  const generator = new MersenneTwister(Number(BigInt.asUintN(32, BigInt(seed))));
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
