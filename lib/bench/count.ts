/** Rows that are counted, not timed: what a step of the 2B has a GPU do, on any machine and without weights. */
import { Engine } from '../engine.js';
import { SvgT2IError } from '../errors.js';
import type { CountedSide, CountLaunchesJob } from '../native/launch-jobs.js';

export type { CountedOperation, CountedSide } from '../native/launch-jobs.js';

export interface CountRow {
  readonly name: string;
  readonly ours: CountedSide;
  readonly plain: CountedSide;
  /** Multiplications and additions that no exact method is below; 0 where nothing is multiplied. */
  readonly leastFlops: number;
}

/** Of the prompt; the unconditional caption has one token. */
const TOKENS = 128;
const CELL_PIXELS = 16;

type Counted = CountLaunchesJob['request'] & { readonly name: string };

const sized = (part: Counted['part']): readonly Counted[] =>
  [256, 512, 1024].map((side) => ({
    part,
    cells: side / CELL_PIXELS,
    tokens: TOKENS,
    name: `${part}-${side}-${TOKENS}`,
  }));

const counted: readonly Counted[] = [
  ...sized('step'),
  ...sized('gradients'),
  { part: 'update', cells: 1, tokens: 1, name: 'update' },
];

/**
 * @throws SvgT2IError ERR_SVGT2I_USAGE where no row matches
 */
export async function* countRows(
  options: { readonly rows?: RegExp | undefined; readonly signal?: AbortSignal | undefined } = {},
): AsyncGenerator<CountRow, void, undefined> {
  const { rows = /./, signal } = options;
  const wanted = counted.filter(({ name }) => rows.test(name));
  if (wanted.length === 0) {
    throw new SvgT2IError('ERR_SVGT2I_USAGE', `no row to count matches ${rows.source}`, {
      hint: `Known rows: ${counted.map(({ name }) => name).join(', ')}.`,
    });
  }
  await using engine = await Engine.create({ device: 'cpu', threads: 1 });
  for (const { name, ...request } of wanted) {
    const { value } = await engine.run('count-launches', request, { signal });
    yield { name, ...value };
  }
}

/** Launches of a measured row: of a guided step ("step-256-128"), or of a training step of one image ("train-256-128"). */
export async function countedLaunches(
  name: string,
  signal?: AbortSignal,
): Promise<{ readonly ours: number; readonly plain: number }> {
  const parts = name.startsWith('train-') ? [name.replace('train-', 'gradients-'), 'update'] : [name];
  const sum = { ours: 0, plain: 0 };
  for await (const { ours, plain } of countRows({ rows: new RegExp(`^(${parts.join('|')})$`), signal })) {
    sum.ours += ours.launches;
    sum.plain += plain.launches;
  }
  return sum;
}
