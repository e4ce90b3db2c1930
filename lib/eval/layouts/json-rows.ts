/** Rows of a JSON Lines file, each checked, bad ones named by their line. */
import type { z } from 'zod';
import { issuesText } from '../../config/validate.js';
import { firstLine, SvgT2IError } from '../../errors.js';
import { parsePythonJson } from '../../python-json.js';
import { readText } from '../../regular-file.js';

/** A thousand long prompts take a megabyte. */
export const MAX_PROMPTS_BYTES = 64 * 1024 * 1024;
/** Of bad lines, so many are named. */
const MAX_NAMED = 5;

export interface JsonRow<Value> {
  /** From 1. */
  readonly line: number;
  /** The line as it stands, without blanks around it. */
  readonly text: string;
  readonly value: Value;
}

/**
 * Reads a file with a JSON object a line; empty lines are passed over.
 *
 * @throws SvgT2IError ERR_SVGT2I_FILE_NOT_FOUND, ERR_SVGT2I_IO, or ERR_SVGT2I_FILE_FORMAT with the lines that are no
 *   such object, and where there is none
 */
export async function readJsonRows<Schema extends z.ZodType>(
  path: string,
  schema: Schema,
  hint: string,
): Promise<readonly JsonRow<z.output<Schema>>[]> {
  const content = await readText(path, { maxBytes: MAX_PROMPTS_BYTES });
  const rows: JsonRow<z.output<Schema>>[] = [];
  const bad: string[] = [];
  for (const [index, raw] of content
    .replace(/^\ufeff/, '')
    .split(/\r\n|\n|\r/)
    .entries()) {
    const text = raw.trim();
    if (text === '') continue;
    const row = parseRow(text, schema);
    if ('problem' in row) bad.push(`${path}:${index + 1}: ${row.problem}`);
    else rows.push({ line: index + 1, text, value: row.value });
  }
  if (bad.length > 0) throw badRows(bad, hint);
  if (rows.length === 0) {
    throw new SvgT2IError('ERR_SVGT2I_FILE_FORMAT', `${path} holds no prompts`, { hint });
  }
  return rows;
}

/** What is wrong with some lines, each "FILE:LINE: reason". */
export function badRows(bad: readonly string[], hint: string): SvgT2IError {
  const more = bad.length > MAX_NAMED ? `; and ${bad.length - MAX_NAMED} more` : '';
  const message = `${bad.slice(0, MAX_NAMED).join('; ')}${more}`;
  return new SvgT2IError('ERR_SVGT2I_FILE_FORMAT', message, { hint });
}

type Parsed<Value> = { readonly value: Value } | { readonly problem: string };

function parseRow<Schema extends z.ZodType>(text: string, schema: Schema): Parsed<z.output<Schema>> {
  let value: unknown;
  try {
    value = parsePythonJson(text);
  } catch (error) {
    return { problem: `no JSON: ${firstLine(error)}` };
  }
  const checked = schema.safeParse(value, { reportInput: true });
  return checked.success ? { value: checked.data } : { problem: issuesText(schema, checked.error) };
}
