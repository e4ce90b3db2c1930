/** What scenes are made of, and the words for it. */
import { CATEGORIES } from '../config/eval/shape-categories.js';

export { CATEGORIES };
export type Category = (typeof CATEGORIES)[number];

/** Chosen so that no two overlap by more than four fifths at equal area and centre: they stay apart at 64 px. */
export const SHAPES = ['circle', 'square', 'triangle', 'star', 'heart', 'cross'] as const;
export type Shape = (typeof SHAPES)[number];

export type Rgb = readonly [red: number, green: number, blue: number];

/** Colours of objects: all chromatic, at least 0.17 apart in OKLab, and far from every background in RGB. */
export const COLOURS = {
  red: [220, 30, 35],
  orange: [250, 140, 20],
  yellow: [250, 225, 50],
  green: [10, 165, 60],
  cyan: [40, 205, 225],
  blue: [35, 70, 220],
  purple: [155, 50, 195],
  pink: [255, 110, 180],
} as const satisfies Readonly<Record<string, Rgb>>;
export type Colour = keyof typeof COLOURS;
export const COLOUR_NAMES = Object.keys(COLOURS) as readonly Colour[];

/** Backgrounds have no hue, objects always have one. */
export const BACKGROUNDS = {
  white: [250, 250, 250],
  'light grey': [205, 205, 205],
  'dark grey': [85, 85, 85],
  black: [10, 10, 10],
} as const satisfies Readonly<Record<string, Rgb>>;
export type Background = keyof typeof BACKGROUNDS;
export const BACKGROUND_NAMES = Object.keys(BACKGROUNDS) as readonly Background[];

/** named: the colours and backgrounds above. free: any, wherever the caption does not name them. */
export const PALETTES = ['named', 'free'] as const;
export type Palette = (typeof PALETTES)[number];

/** Where the first group lies, seen from the second. */
export const RELATIONS = ['left', 'right', 'above', 'below'] as const;
export type Relation = (typeof RELATIONS)[number];

export const OBJECT_SIZES = ['small', 'large'] as const;
export type ObjectSize = (typeof OBJECT_SIZES)[number];

export const SPLITS = ['train', 'held-out'] as const;
export type Split = (typeof SPLITS)[number];

/** Most objects of one group. */
export const MAX_COUNT = 4;
const NUMBER_WORDS = ['no', 'one', 'two', 'three', 'four'] as const;

export function numberWord(count: number): string {
  return NUMBER_WORDS[count] ?? String(count);
}

export function plural(shape: Shape): string {
  return shape === 'cross' ? 'crosses' : `${shape}s`;
}
