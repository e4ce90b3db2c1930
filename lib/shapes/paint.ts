/** Colours of scenes: by name, or any, which free palettes are made of. */
import { nearestName, toOklab } from './oklab.js';
import type { SceneRandom } from './random.js';
import { BACKGROUNDS, COLOUR_NAMES, COLOURS, type Rgb } from './vocabulary.js';

/** A name of the palette, or sRGB levels from 0 to 255. */
export type Paint<Name extends string> = Name | Rgb;

/** OKLab distance up to which a colour goes by a name: a third of that between the names. */
const NAME_REACH = 0.06;
/** Least chroma of objects; backgrounds have none. */
const LEAST_CHROMA = 0.1;

export function rgbOf<Name extends string>(paint: Paint<Name>, palette: Readonly<Record<Name, Rgb>>): Rgb {
  return typeof paint === 'string' ? palette[paint] : paint;
}

/** Undefined for a colour between the names. */
export function nameOf<Name extends string>(
  paint: Paint<Name>,
  palette: Readonly<Record<Name, Rgb>>,
): Name | undefined {
  return typeof paint === 'string' ? paint : nearestName(paint, palette, NAME_REACH);
}

/** Any grey from black to white. */
export function anyBackground(random: SceneRandom): Rgb {
  const grey = random.integer(BACKGROUNDS.black[0], BACKGROUNDS.white[0]);
  return [grey, grey, grey];
}

/** A mix of two named colours that has a hue. */
export function anyColour(random: SceneRandom): Rgb {
  for (;;) {
    const [first, second] = random.pickSeveral(COLOUR_NAMES, 2).map((name) => COLOURS[name]);
    const share = random.uniform(0, 1);
    const mixed = [0, 1, 2].map((i) =>
      Math.round((first?.[i] ?? 0) * (1 - share) + (second?.[i] ?? 0) * share),
    ) as unknown as Rgb;
    const [, a, b] = toOklab(mixed);
    if (Math.hypot(a, b) >= LEAST_CHROMA) return mixed;
  }
}
