/** What a case wanted against what came out. */

export interface Tolerance {
  readonly atol: number;
  readonly rtol: number;
}

/** Bounds in 8-bit levels. */
export interface PixelTolerance {
  readonly maxAbs: number;
  readonly meanAbs?: number;
}

export class Comparison {
  #maxError = 0;
  readonly #failures: string[] = [];

  /** The largest absolute difference met. */
  get maxError(): number {
    return this.#maxError;
  }

  get failures(): readonly string[] {
    return this.#failures;
  }

  fail(message: string): void {
    this.#failures.push(message);
  }

  /** |got - want| <= atol + rtol |want| for every element; NaN never passes. */
  expectClose(label: string, got: ArrayLike<number>, want: ArrayLike<number>, tolerance: Tolerance): void {
    if (!this.#sameLength(label, got, want)) return;
    let [largest, excess] = [0, 0];
    for (let i = 0; i < want.length; i++) {
      const wanted = want[i] as number;
      const error = Math.abs((got[i] as number) - wanted);
      if (Number.isNaN(error)) {
        this.fail(`${label}: not a number at ${i}`);
        return;
      }
      largest = Math.max(largest, error);
      excess = Math.max(excess, error - (tolerance.atol + tolerance.rtol * Math.abs(wanted)));
    }
    this.#maxError = Math.max(this.#maxError, largest);
    if (excess > 0) {
      this.fail(`${label}: largest error ${format(largest)}, ${format(excess)} over the tolerance`);
    }
  }

  expectPixels(
    label: string,
    got: ArrayLike<number>,
    want: ArrayLike<number>,
    tolerance: PixelTolerance,
  ): void {
    if (!this.#sameLength(label, got, want)) return;
    let [largest, sum] = [0, 0];
    for (let i = 0; i < want.length; i++) {
      const error = Math.abs((got[i] as number) - (want[i] as number));
      largest = Math.max(largest, error);
      sum += error;
    }
    const mean = want.length === 0 ? 0 : sum / want.length;
    this.#maxError = Math.max(this.#maxError, largest);
    const { maxAbs, meanAbs = Number.POSITIVE_INFINITY } = tolerance;
    if (!(largest <= maxAbs)) this.fail(`${label}: a pixel is ${format(largest)} levels off, over ${maxAbs}`);
    if (!(mean <= meanAbs))
      this.fail(`${label}: pixels are ${format(mean)} levels off on average, over ${meanAbs}`);
  }

  /** Integers that must be the same; an error is the largest difference of two of them. */
  expectEqual(label: string, got: readonly number[], want: readonly number[]): void {
    if (!this.#sameLength(label, got, want)) return;
    const first = want.findIndex((value, index) => value !== got[index]);
    if (first < 0) return;
    const errors = want.map((value, index) => Math.abs(value - (got[index] as number)));
    this.#maxError = Math.max(this.#maxError, ...errors);
    this.fail(`${label}: ${got[first]} at ${first} where ${want[first]} is wanted`);
  }

  expectText(label: string, got: string, want: string): void {
    if (got !== want) this.fail(`${label}: ${JSON.stringify(got)} where ${JSON.stringify(want)} is wanted`);
  }

  #sameLength(label: string, got: ArrayLike<unknown>, want: ArrayLike<unknown>): boolean {
    if (got.length === want.length) return true;
    this.fail(`${label}: ${got.length} elements where ${want.length} are wanted`);
    return false;
  }
}

/** A number of an error message, short. */
function format(value: number): string {
  return Number(value.toPrecision(4)).toString();
}
