/** Captioned scenes by number: the same on every machine, in any order, without a file. */
import { captionOf } from './caption.js';
import { SceneRandom } from './random.js';
import { sampleScene } from './sample-scene.js';
import type { Scene } from './scene.js';
import { CATEGORIES, type Category, type Split } from './vocabulary.js';

export interface ExampleSource {
  readonly seed: number;
  readonly split: Split;
  /** All by default; they take turns. */
  readonly categories?: readonly Category[];
}

export interface Example {
  readonly prompt: string;
  readonly scene: Scene;
}

/** Example `index`, from 0, of an endless set. */
export function exampleAt({ seed, split, categories = CATEGORIES }: ExampleSource, index: number): Example {
  const random = new SceneRandom(seed, index);
  const scene = sampleScene(random, split, categories[index % categories.length] ?? 'single_object');
  return { prompt: captionOf(scene, random), scene };
}
