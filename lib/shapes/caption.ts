/** Captions: several ways to say what a scene is. */
import type { SceneRandom } from './random.js';
import type { Group, Scene } from './scene.js';
import { numberWord, plural, type Relation } from './vocabulary.js';

const OPENINGS = ['', '', '', 'a picture of ', 'a drawing of ', 'there is '] as const;

const RELATION_PHRASES: Readonly<Record<Relation, readonly string[]>> = {
  left: ['left of', 'to the left of', 'on the left of'],
  right: ['right of', 'to the right of', 'on the right of'],
  above: ['above', 'over'],
  below: ['below', 'under'],
};

/** A caption that says exactly what `scene.asked` holds. */
export function captionOf(scene: Scene, random: SceneRandom): string {
  const { groups, relation, background, size } = scene.asked;
  const phrases = groups.map((group) => groupPhrase(group, size, random));
  const [first = '', second] = phrases;
  let text = first;
  if (second !== undefined && relation !== undefined) {
    text = `${first} ${random.pick(RELATION_PHRASES[relation])} ${second}`;
  } else if (second !== undefined) {
    const [one, other] = random.chance(0.5) ? [first, second] : [second, first];
    text = `${one} ${random.pick(['and', 'next to', 'together with'])} ${other}`;
  }
  const isPlural = (groups[0]?.count ?? 1) > 1;
  const opening = random.pick(OPENINGS).replace('there is', isPlural ? 'there are' : 'there is');
  if (background === undefined) return opening + text;
  return random.pick([
    `${opening}${text} on a ${background} background`,
    `${opening}${text} on ${background}`,
    `${text}, ${background} background`,
  ]);
}

function groupPhrase({ count, shape, colour }: Group, size: string | undefined, random: SceneRandom): string {
  const noun = [size, colour, count === 1 ? shape : plural(shape)]
    .filter((word) => word !== undefined)
    .join(' ');
  if (count > 1) return `${numberWord(count)} ${noun}`;
  const article = /^[aeiou]/.test(noun) ? 'an' : 'a';
  return `${random.chance(0.9) ? article : 'one'} ${noun}`;
}
