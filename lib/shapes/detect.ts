/** The objects of a picture: shape, colour, place and size, from its pixels alone. */
import type { RgbImage } from '../image/rgb-image.js';
import { classify } from './classify.js';
import { nearestName } from './oklab.js';
import { type Region, segment } from './segment.js';
import { BACKGROUNDS, type Background, COLOURS, type Colour, type Shape } from './vocabulary.js';

/** Least overlap with the template of a shape. */
const LEAST_OVERLAP = 0.75;
/** Furthest from a colour of the palette in OKLab; its nearest two are 0.17 apart. */
const COLOUR_LIMIT = 0.15;
const BACKGROUND_LIMIT = 0.15;
/** Pixels covered this much are the object's; where an edge is soft, this is its middle. */
const HALF = 0.5;

export interface DetectedObject {
  /** Undefined where it is no shape of the vocabulary. */
  readonly shape: Shape | undefined;
  readonly colour: Colour | undefined;
  /** Middle and extent of the box around it, in fractions of the picture's sides. */
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface Detection {
  readonly background: Background | undefined;
  readonly objects: readonly DetectedObject[];
}

/** Pictures of 64 to 256 px a side; objects that touch count as one. */
export function detect(image: RgbImage): Detection {
  const { background, regions } = segment(image);
  return {
    background: nearestName(background, BACKGROUNDS, BACKGROUND_LIMIT),
    objects: regions.map((region) => describe(region, image)),
  };
}

function describe({ colour, mask }: Region, image: RgbImage): DetectedObject {
  const { shape, overlap } = classify(mask);
  let [left, top, right, bottom] = [mask.width, mask.height, 0, 0];
  mask.coverage.forEach((share, i) => {
    if (share < HALF) return;
    const [column, row] = [i % mask.width, Math.floor(i / mask.width)];
    left = Math.min(left, column);
    right = Math.max(right, column + 1);
    top = Math.min(top, row);
    bottom = Math.max(bottom, row + 1);
  });
  return {
    shape: overlap < LEAST_OVERLAP ? undefined : shape,
    colour: nearestName(colour, COLOURS, COLOUR_LIMIT),
    x: (mask.left + (left + right) / 2) / image.width,
    y: (mask.top + (top + bottom) / 2) / image.height,
    width: (right - left) / image.width,
    height: (bottom - top) / image.height,
  };
}
