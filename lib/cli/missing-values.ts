/** What a command cannot do without, told by its flags before a schema tells it by its keys. */

import type { z } from 'zod';
import { type ConfigSources, givenConfig } from '../config/load.js';
import { SvgT2IError } from '../errors.js';

/**
 * @param names keys of the section that must be given, each with what the user types for it
 * @throws SvgT2IError ERR_SVGT2I_USAGE naming all that are missing
 */
export async function requireValues(
  schema: z.ZodType,
  sources: ConfigSources,
  section: string,
  names: Readonly<Record<string, string>>,
): Promise<void> {
  const given = (await givenConfig(schema, sources))[section] ?? {};
  // Whatever else stands there, the schema says.
  if (typeof given !== 'object') return;
  const missing = Object.keys(names).filter(
    (key) => (given as Readonly<Record<string, unknown>>)[key] === undefined,
  );
  if (missing.length === 0) return;
  const list = missing.map((key) => names[key]).join(', ');
  throw new SvgT2IError('ERR_SVGT2I_USAGE', `${list} ${missing.length === 1 ? 'is' : 'are'} missing`, {
    hint: `--help has an example; the section ${section} of a file (--config) may say them, too.`,
  });
}
