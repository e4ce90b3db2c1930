/** Counts the pictures of a set that cannot be read, and says at the end whether they are too many. */
import { SvgT2IError } from '../errors.js';
import type { EvaluateOptions } from './events.js';
import type { BadPicture } from './picture-set.js';

export class BadPictures {
  readonly #what: string;
  readonly #verb: string;
  readonly #total: number;
  readonly #maxShare: number;
  readonly #onEvent: EvaluateOptions['onEvent'];
  readonly #bad: BadPicture[] = [];

  constructor(
    set: { readonly name: string; readonly count: number },
    {
      maxShare,
      onEvent,
      pairs = false,
    }: {
      readonly maxShare: number;
      readonly onEvent?: EvaluateOptions['onEvent'];
      /** It is pairs that are counted: either picture cannot be read, or they do not fit. */
      readonly pairs?: boolean;
    },
  ) {
    this.#what = pairs ? `pairs of ${set.name}` : `pictures of ${set.name}`;
    this.#verb = pairs ? 'measured' : 'read';
    this.#total = set.count;
    this.#maxShare = maxShare;
    this.#onEvent = onEvent;
  }

  /** In the order in which they were met. */
  get list(): readonly BadPicture[] {
    return this.#bad;
  }

  /** Whether one is too many. */
  get areRefused(): boolean {
    return this.#maxShare === 0;
  }

  /** Whether the end is an error already: what costs time can be left out, the others are only counted. */
  get areTooMany(): boolean {
    return this.#bad.length > this.#maxShare * this.#total;
  }

  readonly add = (bad: BadPicture): void => {
    this.#bad.push(bad);
    this.#onEvent?.({ type: 'bad-picture', path: bad.path, message: bad.message });
  };

  /** @throws SvgT2IError ERR_SVGT2I_DATA where more than the set share is bad, or none is good */
  check(): void {
    const [first] = this.#bad;
    const count = this.#bad.length;
    if (first === undefined || (!this.areTooMany && count < this.#total)) return;
    const allowed =
      count === this.#total ? '' : `, more than a share of ${this.#maxShare} (--max-bad-share) allows`;
    throw new SvgT2IError(
      'ERR_SVGT2I_DATA',
      `${count} of ${this.#total} ${this.#what} cannot be ${this.#verb}${allowed}; one of them: ${first.message}`,
      {
        hint:
          count === this.#total
            ? 'Check the path, and whether the files are pictures.'
            : 'Mend or remove the files, or raise --max-bad-share (maxBadShare): the numbers are then those of the others.',
      },
    );
  }
}
