/** Places for the objects of a scene: inside the picture, apart from each other, in the relation that is asked for. */
import type { SceneRandom } from './random.js';
import type { Relation } from './vocabulary.js';

export interface Place {
  readonly x: number;
  readonly y: number;
  readonly radius: number;
}

/** Fractions of the side: around all objects, and between any two. 4 px at 64 px, so that a decoder's blur keeps them apart. */
const MARGIN = 0.05;
const GAP = 0.07;
const TRIES = 500;
const SHRINK = 0.92;

export interface Wanted {
  /** Of every object, the first group's before the second's. */
  readonly radii: readonly number[];
  /** Objects of the first group. */
  readonly first: number;
  readonly relation?: Relation | undefined;
}

/** Tries places at random; where none fits, all objects shrink a little. */
export function placeObjects(random: SceneRandom, { radii, first, relation }: Wanted): readonly Place[] {
  for (let scale = 1; ; scale *= SHRINK) {
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const places = tryPlaces(
        random,
        radii.map((radius) => radius * scale),
      );
      if (places !== undefined && (relation === undefined || standSo(places, first, relation))) return places;
    }
  }
}

function tryPlaces(random: SceneRandom, radii: readonly number[]): readonly Place[] | undefined {
  const places: Place[] = [];
  for (const radius of radii) {
    const least = MARGIN + radius;
    const place = { x: random.uniform(least, 1 - least), y: random.uniform(least, 1 - least), radius };
    if (places.some((other) => overlap(place, other))) return undefined;
    places.push(place);
  }
  return places;
}

/** Whether the squares around two objects come closer than the gap. */
function overlap(a: Place, b: Place): boolean {
  return Math.max(Math.abs(a.x - b.x), Math.abs(a.y - b.y)) < a.radius + b.radius + GAP;
}

function standSo(places: readonly Place[], first: number, relation: Relation): boolean {
  const others = places.slice(first);
  return places.slice(0, first).every((a) => others.every((b) => isClearly(relation, a, b)));
}

/** Beyond each other's edges, and along no direction more than along the one that the relation names. */
function isClearly(relation: Relation, a: Place, b: Place): boolean {
  const [dx, dy] = [b.x - a.x, b.y - a.y];
  const along = { left: dx, right: -dx, above: dy, below: -dy }[relation];
  const across = relation === 'left' || relation === 'right' ? Math.abs(dy) : Math.abs(dx);
  return along >= a.radius + b.radius + GAP && along >= across;
}
