/** What a load test asks for: drawn from a seed, so that two runs ask the same. */
import { uniformDraw } from '../../lib/data/random.js';

/** How a picture is asked for and taken. */
export type Way = 'events' | 'poll' | 'images' | 'images-stream';

export interface Planned {
  /** Also the seed of its first picture, so that each picture is known by what it carries. */
  readonly number: number;
  readonly client: string;
  readonly way: Way;
  readonly pictures: number;
  /** Pixels. */
  readonly width: number;
  /** Pixels. */
  readonly height: number;
  readonly steps: number;
  readonly format: 'png' | 'jpeg' | 'webp';
  /** Where it is given up: after this share of the time that such requests take. */
  readonly giveUpAt: number | undefined;
}

export interface PlanOptions {
  readonly requests: number;
  /** Clients between which the server takes turns. */
  readonly clients: number;
  readonly seed: number;
}

const WAYS: readonly Way[] = ['events', 'poll', 'images', 'images-stream'];
const SIZES = [
  [64, 64],
  [32, 32],
  [64, 32],
  [48, 80],
  [96, 96],
] as const;
const FORMATS = ['png', 'jpeg', 'webp'] as const;
/** Seeds of the pictures of one request: those of two requests must not meet. */
const SEEDS_A_REQUEST = 10;

export function planned({ requests, clients, seed }: PlanOptions): readonly Planned[] {
  const random = randomOf(seed);
  return Array.from({ length: requests }, (_, i) => {
    const [width, height] = pick(random, SIZES);
    return {
      number: (i + 1) * SEEDS_A_REQUEST,
      client: `192.0.2.${1 + (i % clients)}`,
      way: pick(random, WAYS),
      pictures: random() < 0.2 ? 2 : 1,
      ...{ width, height },
      steps: 2 + Math.floor(random() * 4),
      format: pick(random, FORMATS),
      // A third, at any moment from the first to somewhat after the end.
      giveUpAt: i % 3 === 0 ? 1.2 * random() : undefined,
    };
  });
}

/** A stream of numbers in [0, 1). */
function randomOf(seed: number): () => number {
  let draw = 0;
  return () => uniformDraw(seed, draw++);
}

function pick<Value>(random: () => number, values: readonly Value[]): Value {
  const value = values[Math.floor(random() * values.length)];
  if (value === undefined) throw new Error('nothing to pick from');
  return value;
}
