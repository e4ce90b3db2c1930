/** The model that comes with the package: it draws coloured shapes, and knows the words for them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Folder in the release's layout. */
export const EMBEDDED_MODEL = fileURLToPath(new URL('../../models/shapes', import.meta.url));

/** The words of a prompt that the embedded model would have to spell, and so does not understand. */
export function wordsUnknownToEmbeddedModel(prompt: string): readonly string[] {
  const text = readFileSync(join(EMBEDDED_MODEL, 'gemma-2-2b', 'tokenizer.json'), 'utf8');
  const { model } = JSON.parse(text) as {
    readonly model: { readonly vocab: Readonly<Record<string, number>> };
  };
  const unknown = new Set<string>();
  for (const part of prompt.toLowerCase().split(/\s+/)) {
    for (const { 0: word, index } of part.matchAll(/[^\p{P}]+/gu)) {
      // A word has its token only behind a space.
      if (index > 0 || model.vocab[`\u2581${word}`] === undefined) unknown.add(word);
    }
  }
  return [...unknown];
}
