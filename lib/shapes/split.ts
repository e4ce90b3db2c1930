/** Which scenes are for training and which are held out: a hash of the combination decides, for every seed alike. */
import { nameOf } from './paint.js';
import { hashText } from './random.js';
import type { Drawing, SceneSpec } from './scene.js';
import { SIZE_LIMIT } from './sizes.js';
import { BACKGROUNDS, type Category, COLOURS, type Split } from './vocabulary.js';

/** One combination in so many is held out. */
const HELD_OUT_ONE_IN = 5;

/** What of a drawing a caption of each category would name. */
type Combinations = { readonly [category in Category]?: string | undefined };

/**
 * The combinations that a scene holds: its own category's, and those of other categories that it would also be a
 * picture of (a single red star serves "colors" as well as "single_object"). What has a colour between the names is
 * part of none.
 */
export function combinationsOf(
  asked: SceneSpec,
  drawn: Pick<Drawing, 'background' | 'objects'>,
): Combinations {
  const background = nameOf(drawn.background, BACKGROUNDS);
  const kinds = asked.groups.map((group) => {
    const object = drawn.objects.find(({ shape }) => shape === group.shape);
    const colour = object && nameOf(object.colour, COLOURS);
    return { ...group, colour, radius: object?.radius ?? 0 };
  });
  const [first, second] = kinds;
  if (first === undefined) return {};
  const onBackground = (text: string) => (background === undefined ? undefined : `${text} on ${background}`);
  const isNamed = kinds.every(({ colour }) => colour !== undefined);
  const inColours = (text: string) => (isNamed ? text : undefined);
  const coloured = kinds.map(({ colour, shape }) => `${colour} ${shape}`);
  if (second === undefined && first.count === 1) {
    const size = first.radius < SIZE_LIMIT ? 'small' : 'large';
    return { single_object: onBackground(`${size} ${first.shape}`), colors: inColours(coloured.join()) };
  }
  if (second === undefined) return { counting: inColours(`${first.count} ${coloured.join()}`) };
  const pair: Combinations =
    first.count > 1 || second.count > 1
      ? {}
      : {
          two_objects: onBackground([first.shape, second.shape].sort().join(' and ')),
          color_attribution: inColours([...coloured].sort().join(' and ')),
        };
  if (asked.relation === undefined) return pair;
  // "a right of b" is "b left of a".
  const isTurned = asked.relation === 'right' || asked.relation === 'below';
  const groups = kinds.map(({ count }, i) => `${count} ${coloured[i]}`);
  if (isTurned) groups.reverse();
  const axis = asked.relation === 'left' || asked.relation === 'right' ? 'left of' : 'above';
  return { ...pair, position: inColours(groups.join(` ${axis} `)) };
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
