/** Whether a picture shows what its caption asks for, by the rules of GenEval (Ghosh et al., 2023). */
import type { RgbImage } from '../image/rgb-image.js';
import { type DetectedObject, type Detection, detect } from './detect.js';
import type { Group, SceneSpec } from './scene.js';
import { SIZE_LIMIT } from './sizes.js';
import { numberWord, plural, type Relation } from './vocabulary.js';

/** Part of the two boxes' summed extent that an offset must pass to count as one. */
const OFFSET_MARGIN = 0.1;
/** Least share of the offset along the relation's axis: within 60 degrees of it. */
const LEAST_DIRECTION = 0.5;

export interface Verdict {
  readonly correct: boolean;
  /** What is wrong, a sentence each; empty for a correct picture. */
  readonly reasons: readonly string[];
  readonly found: Detection;
}

/**
 * Every named group must be there with its exact number of objects, in its colour where one is named, and all of the
 * first group must stand in the relation to all of the second. Other objects are passed over, as in GenEval. Beyond
 * it, a background or a size that the caption names must be right too.
 */
export function judge(asked: SceneSpec, image: RgbImage): Verdict {
  return judgeDetection(asked, detect(image));
}

/** The same of what was detected before. */
export function judgeDetection(asked: SceneSpec, found: Detection): Verdict {
  const reasons: string[] = [];
  const members = asked.groups.map((group) => found.objects.filter((object) => isOf(group, object)));
  asked.groups.forEach((group, i) => {
    const there = members[i]?.length ?? 0;
    if (there !== group.count) reasons.push(`${nameOf(group)}: found ${there}${colourHint(group, found)}`);
  });
  const { relation, background, size } = asked;
  const [first = [], second = []] = members;
  if (relation !== undefined && !first.every((a) => second.every((b) => stands(relation, a, b)))) {
    reasons.push(
      `not ${relation}: ${first.map(placeOf).join(', ')} seen from ${second.map(placeOf).join(', ')}`,
    );
  }
  if (background !== undefined && found.background !== background) {
    reasons.push(`the background is ${found.background ?? 'of no known colour'}, not ${background}`);
  }
  if (size !== undefined && first.some((object) => sizeOf(object) !== size)) reasons.push(`not ${size}`);
  return { correct: reasons.length === 0, reasons, found };
}

function isOf({ shape, colour }: Group, object: DetectedObject): boolean {
  return object.shape === shape && (colour === undefined || object.colour === colour);
}

function sizeOf({ width, height }: DetectedObject): 'small' | 'large' {
  return Math.max(width, height) / 2 < SIZE_LIMIT ? 'small' : 'large';
}

function stands(relation: Relation, a: DetectedObject, b: DetectedObject): boolean {
  const offset = (difference: number, extent: number) =>
    Math.sign(difference) * Math.max(0, Math.abs(difference) - OFFSET_MARGIN * extent);
  const dx = offset(b.x - a.x, a.width + b.width);
  const dy = offset(b.y - a.y, a.height + b.height);
  const along = { left: dx, right: -dx, above: dy, below: -dy }[relation];
  return along > LEAST_DIRECTION * Math.hypot(dx, dy);
}

function nameOf({ count, shape, colour }: Group): string {
  const noun = count === 1 ? shape : plural(shape);
  return [numberWord(count), colour, noun].filter((word) => word !== undefined).join(' ');
}

/** The colours of the shape that are there instead. */
function colourHint({ shape, colour }: Group, { objects }: Detection): string {
  if (colour === undefined) return '';
  const others = objects.filter((object) => object.shape === shape && object.colour !== colour);
  if (others.length === 0) return '';
  return `; ${plural(shape)} in ${others.map((object) => object.colour ?? 'another colour').join(', ')}`;
}

function placeOf({ x, y }: DetectedObject): string {
  return `(${x.toFixed(2)}, ${y.toFixed(2)})`;
}
