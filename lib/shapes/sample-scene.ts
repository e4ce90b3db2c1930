/** Random scenes of a category and a split. */
import { anyBackground, anyColour, type Paint } from './paint.js';
import { placeObjects } from './place.js';
import type { SceneRandom } from './random.js';
import type { Group, PlacedObject, Scene, SceneSpec } from './scene.js';
import { SINGLE_RADIUS, severalRadius } from './sizes.js';
import { splitOf } from './split.js';
import {
  BACKGROUND_NAMES,
  type Background,
  type Category,
  COLOUR_NAMES,
  type Colour,
  MAX_COUNT,
  OBJECT_SIZES,
  type Palette,
  RELATIONS,
  SHAPES,
  type Split,
} from './vocabulary.js';

/** Shares of training captions; held-out ones name everything that their combination is made of. */
const NAMES_BACKGROUND = 0.35;
const NAMES_SIZE = 0.6;
/** Of counting and position, which both can do without colours. */
const LEAVES_COLOUR_OPEN = 0.15;
/** The same, of a free palette. */
const LEAVES_COLOUR_FREE = 0.5;
/** Of position: one side has two objects. */
const SIDE_OF_TWO = 0.35;

/** A scene whose objects have no places yet. */
interface Draft {
  readonly asked: SceneSpec;
  readonly background: Paint<Background>;
  /** Of every group. */
  readonly colours: readonly Paint<Colour>[];
  readonly radii: readonly number[];
}

/** Draws until a scene belongs to the split. A free palette is for training alone: no combination is held out of it. */
export function sampleScene(
  random: SceneRandom,
  split: Split,
  category: Category,
  palette: Palette = 'named',
): Scene {
  for (;;) {
    const named = draftScene(random, split, category);
    const draft = palette === 'free' ? withFreeColours(random, named) : named;
    const unplaced = objectsOf(draft).map((object) => ({ ...object, x: 0.5, y: 0.5 }));
    if (splitOf(draft.asked, { background: draft.background, objects: unplaced }) !== split) continue;
    const { groups, relation } = draft.asked;
    const first = groups[0]?.count ?? 0;
    const places = placeObjects(random, { radii: draft.radii, first, relation });
    const objects = objectsOf(draft).map((object, i) => ({ ...object, ...places[i] }) as PlacedObject);
    return { split, asked: draft.asked, drawn: { background: draft.background, objects } };
  }
}

function objectsOf({ asked, colours, radii }: Draft): Pick<PlacedObject, 'shape' | 'colour' | 'radius'>[] {
  const kinds = asked.groups.flatMap(({ count, shape }, i) =>
    Array.from({ length: count }, () => ({ shape, colour: colours[i] as Paint<Colour> })),
  );
  return kinds.map((kind, i) => ({ ...kind, radius: radii[i] as number }));
}

function draftScene(random: SceneRandom, split: Split, category: Category): Draft {
  const background = random.pick(BACKGROUND_NAMES);
  const isHeldOut = split === 'held-out';
  // The combinations of these two categories hold the background.
  const mustName = isHeldOut && (category === 'single_object' || category === 'two_objects');
  const named = mustName || random.chance(NAMES_BACKGROUND) ? { background } : {};
  if (category === 'single_object' || category === 'colors') {
    const size = random.pick(OBJECT_SIZES);
    const colours = random.pickSeveral(COLOUR_NAMES, 1);
    const isSized = category === 'single_object' && (isHeldOut || random.chance(NAMES_SIZE));
    const group = groupOf(1, random.pick(SHAPES), category === 'colors' ? colours[0] : undefined);
    const { low, high } = SINGLE_RADIUS[size];
    const asked = { category, groups: [group], ...named, ...(isSized ? { size } : {}) };
    return { asked, background, colours, radii: [random.uniform(low, high)] };
  }
  const isOpen = category === 'two_objects' || (!isHeldOut && random.chance(LEAVES_COLOUR_OPEN));
  const opens = isOpen && category !== 'color_attribution';
  const counts = countsOf(random, category);
  const shapes = random.pickSeveral(SHAPES, counts.length);
  const colours = random.pickSeveral(COLOUR_NAMES, counts.length);
  const groups = counts.map((count, i) =>
    groupOf(count, shapes[i] as Group['shape'], opens ? undefined : colours[i]),
  );
  const relation = category === 'position' ? { relation: random.pick(RELATIONS) } : {};
  const total = counts.reduce((sum, count) => sum + count, 0);
  const { low, high } = severalRadius(total);
  const radii = Array.from({ length: total }, () => random.uniform(low, high));
  return { asked: { category, groups, ...relation, ...named }, background, colours, radii };
}

/** Any background, any colour where the caption names none: all that is said is seen apart from the rest. */
function withFreeColours(random: SceneRandom, draft: Draft): Draft {
  const { groups, background: _, ...asked } = draft.asked;
  const { category } = asked;
  const mayLeave = category === 'counting' || category === 'position';
  const opens = mayLeave && random.chance(LEAVES_COLOUR_FREE);
  const open = groups.map(({ count, shape, colour }) => groupOf(count, shape, opens ? undefined : colour));
  const colours = open.map(({ colour }) => colour ?? anyColour(random));
  return { ...draft, asked: { ...asked, groups: open }, background: anyBackground(random), colours };
}

function countsOf(random: SceneRandom, category: Category): readonly number[] {
  if (category === 'counting') return [random.integer(2, MAX_COUNT)];
  if (category !== 'position' || !random.chance(SIDE_OF_TWO)) return [1, 1];
  return random.chance(0.5) ? [2, 1] : [1, 2];
}

function groupOf(count: number, shape: Group['shape'], colour: Colour | undefined): Group {
  return { count, shape, ...(colour === undefined ? {} : { colour }) };
}
