/** The loss by time: how well each part of the way from noise to picture is learned. */
export const TIME_BINS = 20;

export class TimeBins {
  readonly #sums = new Float64Array(TIME_BINS);
  readonly #counts = new Uint32Array(TIME_BINS);

  /** `samples` are pairs of t in [0, 1] and loss. */
  add(samples: readonly (readonly [number, number])[]): void {
    for (const [t, loss] of samples) {
      if (!Number.isFinite(t) || !Number.isFinite(loss)) continue;
      const bin = Math.min(TIME_BINS - 1, Math.max(0, Math.floor(t * TIME_BINS)));
      this.#sums[bin] = (this.#sums[bin] ?? 0) + loss;
      this.#counts[bin] = (this.#counts[bin] ?? 0) + 1;
    }
  }

  /** Of every bin; starts anew. */
  take(): { readonly sums: readonly number[]; readonly counts: readonly number[] } {
    const taken = { sums: [...this.#sums], counts: [...this.#counts] };
    this.#sums.fill(0);
    this.#counts.fill(0);
    return taken;
  }
}

/** Mean loss of every bin, null where there was none. */
export function meansByTime(sums: readonly number[], counts: readonly number[]): readonly (number | null)[] {
  return sums.map((sum, bin) => {
    const count = counts[bin] ?? 0;
    return count === 0 ? null : sum / count;
  });
}
