/** The command that makes an evaluation again, as one types it in a shell. */
import type { z } from 'zod';

/**
 * `svg-t2i`, what is given, and a flag for each value that is not the schema's default, in the schema's order: `kidSubsets`
 * as `--kid-subsets`, a list with commas, `false` as `--no-...`.
 */
export function commandLine(
  words: readonly string[],
  schema: z.ZodObject,
  values: Readonly<Record<string, unknown>>,
  without: readonly string[] = [],
): string {
  const parts = ['svg-t2i', ...words.map(quoted)];
  const shape = schema.shape as Readonly<Record<string, z.ZodType>>;
  for (const [key, one] of Object.entries(shape)) {
    const value = values[key];
    const usual = one.safeParse(undefined);
    if (without.includes(key) || value === undefined) continue;
    if (usual.success && JSON.stringify(usual.data) === JSON.stringify(value)) continue;
    const flag = key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    if (typeof value === 'boolean') parts.push(value ? `--${flag}` : `--no-${flag}`);
    else parts.push(`--${flag}`, quoted(Array.isArray(value) ? value.join(',') : String(value)));
  }
  return parts.join(' ');
}

/** For a POSIX shell. */
function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
