/** Reading the classes of pictures from a text file: one a line in the order of the pictures, or a name with its class. */
import { SvgT2IError } from '../errors.js';
import { readText } from '../regular-file.js';

const MAX_BYTES = 256 * 1024 * 1024;

/**
 * The class of each picture, in the order of `names`.
 *
 * A line is a number, or a name as the set has it (with its folders, or alone; the ending may be left out) and a number.
 *
 * @throws SvgT2IError ERR_SVGT2I_DATA: a line that is neither, another number of lines than of pictures, a picture
 *   without a class or with two
 */
export async function readLabels(
  path: string,
  names: readonly string[],
): Promise<BigInt64Array<ArrayBuffer>> {
  const text = await readText(path, { maxBytes: MAX_BYTES });
  const lines = text
    .split(/\r?\n/)
    .map((line, i) => ({ line: line.trim(), number: i + 1 }))
    .filter(({ line }) => line !== '');
  const refuse = (message: string, hint?: string): never => {
    throw new SvgT2IError('ERR_SVGT2I_DATA', `${path}${message}`, { hint });
  };
  const entries = lines.map(({ line, number }) => {
    const match = /^(?:(.+?)[\s,]+)?(\d{1,9})$/.exec(line);
    if (match === null) return refuse(`:${number}: ${JSON.stringify(line)} is no class, a number from 0 on`);
    return { name: match[1], label: Number(match[2]), number };
  });
  const named = entries.filter(({ name }) => name !== undefined).length;
  if (named > 0 && named < entries.length) {
    refuse(': some lines name their picture and others do not', 'Name all of them, or none.');
  }
  if (named === 0) {
    if (entries.length !== names.length)
      refuse(` has ${entries.length} classes for ${names.length} pictures`);
    return BigInt64Array.from(entries, ({ label }) => BigInt(label));
  }
  const byName = new Map<string, number>();
  for (const { name = '', label, number } of entries) {
    if (byName.has(name)) refuse(`:${number}: ${name} has a class already`);
    byName.set(name, label);
  }
  const missing = names.filter((name) => labelOf(byName, name) === undefined);
  if (missing.length > 0)
    refuse(` has no class for ${missing.length} pictures, ${missing[0]} is one of them`);
  return BigInt64Array.from(names, (name) => BigInt(labelOf(byName, name) ?? 0));
}

function labelOf(labels: ReadonlyMap<string, number>, name: string): number | undefined {
  const bare = name.replace(/\.[^./]*$/, '');
  const last = (path: string) => path.slice(path.lastIndexOf('/') + 1);
  return labels.get(name) ?? labels.get(bare) ?? labels.get(last(name)) ?? labels.get(last(bare));
}
