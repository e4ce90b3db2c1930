/** DPG-Bench's prompts: a folder of ID.txt, a JSON Lines file, or a table. */
import { extname, join } from 'node:path';
import { z } from 'zod';
import { SvgT2IError } from '../../errors.js';
import { readText } from '../../regular-file.js';
import { type CsvRow, parseCsv } from './csv.js';
import { type DpgPrompt, dpgIdFault } from './dpg.js';
import { drawnPrompt } from './drawn-prompt.js';
import { badRows, MAX_PROMPTS_BYTES, readJsonRows } from './json-rows.js';
import { entriesOf, namesFolder } from './look.js';

/** Of an object or a table, in order of preference. The original repository's list has names of files, "286.txt". */
const ID_KEYS = ['id', 'item_id', 'filename'] as const;
/** ELLA's table of questions calls the prompt "text". */
const TEXT_KEYS = ['prompt', 'text'] as const;

const HINT =
  'DPG-Bench takes a folder with a file ID.txt a prompt (dpg_bench/prompts of ELLA), a .jsonl file of {"id" or "filename", "prompt"}, or a .csv table with the columns id (or item_id) and prompt (or text).';

/** A prompt before it is checked. */
interface Read {
  readonly id: string;
  readonly prompt: string;
  readonly drawn: string;
  readonly where: string;
}

/**
 * The prompts of DPG-Bench (1065), in the order of the list, those of a folder in the order of their names.
 *
 * Source: TencentQQGYLab/ELLA 3c228f1, dpg_bench/prompts and dpg_bench.csv; KlingTeam/SVG-T2I 03f14b6, eval/prompts/dpg.jsonl.
 *
 * @param promptKey of the text that is drawn, where the list has objects or columns
 * @throws SvgT2IError ERR_SVGT2I_FILE_NOT_FOUND, ERR_SVGT2I_IO, or ERR_SVGT2I_FILE_FORMAT with the lines that are bad: also
 *   an id that the scorer could never find, or that is there twice
 */
export async function readDpgPrompts(path: string, promptKey = 'prompt'): Promise<readonly DpgPrompt[]> {
  const read = await readAny(path, promptKey);
  const first = new Map<string, string>();
  const bad = read.flatMap(({ id, where }) => {
    const fault = dpgIdFault(id);
    const before = first.get(id);
    first.set(id, where);
    if (fault !== undefined) return [`${where}: ${fault}`];
    return before === undefined ? [] : [`${where}: the id ${JSON.stringify(id)} is that of ${before} too`];
  });
  if (bad.length > 0) throw badRows(bad, HINT);
  return read.map((each) => ({ ...each, category: '' }));
}

async function readAny(path: string, promptKey: string): Promise<readonly Read[]> {
  if (await namesFolder(path)) return readFolder(path, promptKey);
  const extension = extname(path).toLowerCase();
  if (extension === '.csv') return readTable(path, promptKey);
  if (extension === '.txt') {
    throw new SvgT2IError('ERR_SVGT2I_FILE_FORMAT', `${path} is one text, which has no ids`, { hint: HINT });
  }
  return readLines(path, promptKey);
}

async function readFolder(folder: string, promptKey: string): Promise<readonly Read[]> {
  if (promptKey !== 'prompt') {
    const message = `${folder} is a folder of texts, which have no key ${promptKey}`;
    throw new SvgT2IError('ERR_SVGT2I_FILE_FORMAT', message, {
      hint: 'Pass a .jsonl file, or a folder of the other texts.',
    });
  }
  const names = (await entriesOf(folder)).filter(({ name, isFolder }) => !isFolder && name.endsWith('.txt'));
  const read: Read[] = [];
  const empty: string[] = [];
  for (const { name } of names) {
    const where = join(folder, name);
    const prompt = (await readText(where, { maxBytes: MAX_PROMPTS_BYTES })).replace(/^\ufeff/, '').trim();
    if (prompt === '') empty.push(`${where}: is empty`);
    read.push({ id: name.slice(0, -'.txt'.length), prompt, drawn: prompt, where });
  }
  if (empty.length > 0) throw badRows(empty, HINT);
  if (read.length === 0) {
    throw new SvgT2IError('ERR_SVGT2I_FILE_FORMAT', `${folder} holds no .txt file`, { hint: HINT });
  }
  return read;
}

/** `286.txt` and `286` are the same prompt. */
function withoutTxt(id: string | number): string {
  return String(id).replace(/\.txt$/, '');
}

const rowSchema = z
  .looseObject({
    id: z.union([z.string(), z.number().int()]).optional(),
    item_id: z.string().optional(),
    filename: z.string().optional(),
    prompt: z.string().min(1).optional(),
    text: z.string().min(1).optional(),
  })
  .refine((row) => ID_KEYS.some((key) => row[key] !== undefined), {
    error: `none of the keys ${ID_KEYS.join(', ')}`,
  })
  .refine((row) => TEXT_KEYS.some((key) => row[key] !== undefined), {
    error: `none of the keys ${TEXT_KEYS.join(', ')}`,
  })
  .transform((row) => {
    const [id = ''] = ID_KEYS.flatMap((key) => row[key] ?? []);
    const [prompt = ''] = TEXT_KEYS.flatMap((key) => row[key] ?? []);
    return { ...row, id, prompt };
  });

async function readLines(path: string, promptKey: string): Promise<readonly Read[]> {
  const rows = await readJsonRows(path, rowSchema, HINT);
  return drawnPrompt(rows, { path, promptKey }).map(({ line, value: { id, prompt }, drawn }) => ({
    id: withoutTxt(id),
    prompt,
    drawn,
    where: `${path}:${line}`,
  }));
}

async function readTable(path: string, promptKey: string): Promise<readonly Read[]> {
  const text = await readText(path, { maxBytes: MAX_PROMPTS_BYTES });
  const [head, ...rows] = parseCsv(text, path);
  const columns = head?.fields.map((name) => name.trim()) ?? [];
  const columnOf = (names: readonly string[]) => columns.findIndex((name) => names.includes(name));
  const [idColumn, textColumn] = [columnOf(ID_KEYS), columnOf(TEXT_KEYS)];
  const drawnColumn = promptKey === 'prompt' ? textColumn : columnOf([promptKey]);
  if (idColumn < 0 || textColumn < 0 || drawnColumn < 0) {
    const wanted = promptKey === 'prompt' ? '' : `, or no column ${promptKey}`;
    const message = `${path}:1: no column of ids or none of prompts${wanted}: ${columns.join(', ')}`;
    throw new SvgT2IError('ERR_SVGT2I_FILE_FORMAT', message, { hint: HINT });
  }
  const bad: string[] = [];
  const byId = new Map<string, Read>();
  for (const row of rows) {
    const where = `${path}:${row.line}`;
    const [id, prompt, drawn] = [idColumn, textColumn, drawnColumn].map((column) => fieldOf(row, column));
    if (id === undefined || prompt === undefined || drawn === undefined || prompt === '' || drawn === '') {
      bad.push(`${where}: ${row.fields.length} fields, without an id and a prompt`);
      continue;
    }
    const read = { id: withoutTxt(id), prompt, drawn, where };
    const before = byId.get(read.id);
    // A table of questions has a row for each question of a prompt.
    if (before === undefined) byId.set(read.id, read);
    else if (before.prompt !== prompt)
      bad.push(`${where}: another prompt than ${before.where} has for ${id}`);
  }
  if (bad.length > 0) throw badRows(bad, HINT);
  if (byId.size === 0)
    throw new SvgT2IError('ERR_SVGT2I_FILE_FORMAT', `${path} holds no prompts`, { hint: HINT });
  return [...byId.values()];
}

function fieldOf({ fields }: CsvRow, column: number): string | undefined {
  return fields[column]?.trim();
}
