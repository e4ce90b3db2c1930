/** Which scenes are for training and which are held out: a hash of the combination decides, for every seed alike. */
import { hashText } from './random.js';
import type { Drawing, SceneSpec } from './scene.js';
import { SIZE_LIMIT } from './sizes.js';
import type { Category, Split } from './vocabulary.js';

/** One combination in so many is held out. */
const HELD_OUT_ONE_IN = 5;

/** What of a drawing a caption of each category would name. */
type Combinations = Partial<Record<Category, string>>;

/**
 * The combinations that a scene holds: its own category's, and those of other categories that it would also be a
 * picture of (a single red star serves "colors" as well as "single_object").
 */
export function combinationsOf(
  asked: SceneSpec,
  drawn: Pick<Drawing, 'background' | 'objects'>,
): Combinations {
  const { objects, background } = drawn;
  const kinds = asked.groups.map((group) => {
    const { colour = 'any', radius = 0 } = objects.find(({ shape }) => shape === group.shape) ?? {};
    return { ...group, colour, radius };
  });
  const [first, second] = kinds;
  if (first === undefined) return {};
  const coloured = kinds.map(({ colour, shape }) => `${colour} ${shape}`);
  if (second === undefined && first.count === 1) {
    const size = first.radius < SIZE_LIMIT ? 'small' : 'large';
    return { single_object: `${size} ${first.shape} on ${background}`, colors: coloured.join() };
  }
  if (second === undefined) return { counting: `${first.count} ${coloured.join()}` };
  const pair: Combinations =
    first.count > 1 || second.count > 1
      ? {}
      : {
          two_objects: `${[first.shape, second.shape].sort().join(' and ')} on ${background}`,
          color_attribution: [...coloured].sort().join(' and '),
        };
  if (asked.relation === undefined) return pair;
  // "a right of b" is "b left of a".
  const isTurned = asked.relation === 'right' || asked.relation === 'below';
  const groups = kinds.map(({ count }, i) => `${count} ${coloured[i]}`);
  if (isTurned) groups.reverse();
  const axis = asked.relation === 'left' || asked.relation === 'right' ? 'left of' : 'above';
  return { ...pair, position: groups.join(` ${axis} `) };
}

/** Undefined for a scene of neither split: it shows a combination that another category holds out. */
export function splitOf(asked: SceneSpec, drawn: Pick<Drawing, 'background' | 'objects'>): Split | undefined {
  const combinations = combinationsOf(asked, drawn);
  const isHeldOut = (category: string, combination: string | undefined) =>
    combination !== undefined && hashText(`${category}: ${combination}`) % HELD_OUT_ONE_IN === 0;
  if (isHeldOut(asked.category, combinations[asked.category])) return 'held-out';
  const entries = Object.entries(combinations);
  return entries.some(([category, combination]) => isHeldOut(category, combination)) ? undefined : 'train';
}
