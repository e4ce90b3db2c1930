/** The command that makes an evaluation again, as one types it in a shell. */
import type { z } from 'zod';

/** Values that are flags, and the schema that they are of. */
export interface FlagValues {
  readonly schema: z.ZodObject;
  readonly values: Readonly<Record<string, unknown>>;
}

/**
 * `svg-t2i`, the words, and a flag for each value that is not its schema's default, in the schema's order: `kidSubsets`
 * becomes `--kid-subsets`, a list has commas, `false` is `--no-...`.
 */
export function commandLine(words: readonly string[], ...sections: readonly FlagValues[]): string {
  const flags = sections.flatMap(({ schema, values }) => flagsOf(schema, values));
  return ['svg-t2i', ...words.map(quoted), ...flags].join(' ');
}

function flagsOf(schema: z.ZodObject, values: FlagValues['values']): readonly string[] {
  const shape = schema.shape as Readonly<Record<string, z.ZodType>>;
  return Object.entries(shape).flatMap(([key, one]) => {
    const value = values[key];
    const usual = one.safeParse(undefined);
    const isUsual = usual.success && JSON.stringify(usual.data) === JSON.stringify(value);
    if (value === undefined || isUsual) return [];
    const flag = key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    if (typeof value === 'boolean') return [value ? `--${flag}` : `--no-${flag}`];
    return [`--${flag}`, quoted(Array.isArray(value) ? value.join(',') : String(value))];
  });
}

/** `svg-t2i` with these arguments, as they were typed. */
export function shellCommand(args: readonly string[]): string {
  return ['svg-t2i', ...args].map(quoted).join(' ');
}

/** For a POSIX shell. */
export function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
