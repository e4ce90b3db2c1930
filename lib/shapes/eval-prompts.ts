/** Prompts to measure a model with: scenes of the held-out split, which no training set of any seed holds. */
import { captionOf } from './caption.js';
import type { Example } from './example.js';
import { SceneRandom } from './random.js';
import { sampleScene } from './sample-scene.js';
import type { Category } from './vocabulary.js';

/** So many scenes are looked at for a prompt that is new; the small categories run out of them. */
const TRIES = 50;

/** `perCategory` examples of each category in turn; they depend on the seed, and the first ones not on the number. */
export function evalPrompts(
  seed: number,
  perCategory: number,
  categories: readonly Category[],
): readonly Example[] {
  return categories.flatMap((category) => {
    const random = new SceneRandom('eval', seed, category);
    const used = new Set<string>();
    return Array.from({ length: perCategory }, () => {
      let example = nextExample(random, category);
      for (let i = 0; i < TRIES && used.has(example.prompt); i++) example = nextExample(random, category);
      used.add(example.prompt);
      return example;
    });
  });
}

function nextExample(random: SceneRandom, category: Category): Example {
  const scene = sampleScene(random, 'held-out', category);
  return { prompt: captionOf(scene, random), scene };
}
