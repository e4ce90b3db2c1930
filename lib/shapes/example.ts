/** Captioned scenes by number: the same on every machine, in any order, without a file. */
import { captionOf } from './caption.js';
import { SceneRandom } from './random.js';
import { sampleScene } from './sample-scene.js';
import type { Scene } from './scene.js';
import { CATEGORIES, type Category, type Palette, type Split } from './vocabulary.js';

export interface ExampleSource {
  readonly seed: number;
  readonly split: Split;
  /** All by default; they take turns. */
  readonly categories?: readonly Category[];
  /** `named` by default. */
  readonly palette?: Palette;
}

export interface Example {
  readonly prompt: string;
  readonly scene: Scene;
}

/** Example `index`, from 0, of an endless set. */
export function exampleAt(source: ExampleSource, index: number): Example {
  const { seed, split, categories = CATEGORIES, palette } = source;
  const random = new SceneRandom(seed, index);
  const category = categories[index % categories.length] ?? 'single_object';
  const scene = sampleScene(random, split, category, palette);
  return { prompt: captionOf(scene, random), scene };
}
