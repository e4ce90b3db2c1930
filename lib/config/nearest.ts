/** "Did you mean": the known word closest to a mistyped one. */

/** Levenshtein distance: insertions, deletions and substitutions cost one each. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const substitution = (previous[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1);
      current.push(Math.min(substitution, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}

/** snake_case, kebab-case and camelCase spell the same key. */
function normalise(word: string): string {
  return word.toLowerCase().replace(/[-_\s]/g, '');
}

/** A word that stands for the beginning of a longer one ("guidance" for "guidanceScale") is one edit further away. */
function wordDistance(word: string, known: string): number {
  return Math.min(editDistance(word, known), 1 + editDistance(word, known.slice(0, word.length)));
}

/** No name that people type is longer; the distance takes time by both lengths. */
const LONGEST_WORD = 200;

/** The closest of `known`, of several the one of likest length; undefined where none is close (over 40 % of the letters differ). */
export function nearest(word: string, known: readonly string[]): string | undefined {
  if (word.length > LONGEST_WORD) return undefined;
  let best: { word: string; distance: number } | undefined;
  for (const candidate of known) {
    const distance = wordDistance(normalise(word), normalise(candidate));
    const limit = Math.max(2, Math.floor(0.4 * Math.max(word.length, candidate.length)));
    const longer = Math.abs(candidate.length - word.length);
    const isCloser =
      best === undefined ||
      distance < best.distance ||
      (distance === best.distance && longer < Math.abs(best.word.length - word.length));
    if (distance <= limit && isCloser) best = { word: candidate, distance };
  }
  return best?.word;
}
