/** Golden cases on disk: a folder each, with case.json and mostly io.safetensors. */
import { readdir } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { fileError, firstLine, SvgT2IError } from '../errors.js';
import { readText } from '../regular-file.js';
import { readSafetensors, type StoredTensor } from './safetensors.js';

const MAX_CASE_BYTES = 64 * 1024 * 1024;

export class GoldenCase {
  readonly folder: string;
  readonly name: string;
  readonly module: string;
  /** All of case.json. */
  readonly spec: Readonly<Record<string, unknown>>;
  #tensors: ReadonlyMap<string, StoredTensor> | undefined;

  private constructor(folder: string, spec: Readonly<Record<string, unknown>>) {
    this.folder = folder;
    this.name = caseName(folder);
    this.spec = spec;
    this.module = typeof spec.module === 'string' ? spec.module : '';
  }

  /** @throws SvgT2IError ERR_SVGT2I_FILE_NOT_FOUND or ERR_SVGT2I_FILE_FORMAT */
  static async open(folder: string): Promise<GoldenCase> {
    const path = join(folder, 'case.json');
    const text = await readText(path, { maxBytes: MAX_CASE_BYTES });
    const spec = parseObject(text, path);
    const golden = new GoldenCase(folder, spec);
    if (golden.module === '') throw new SvgT2IError('ERR_SVGT2I_FILE_FORMAT', `${path} names no module`);
    return golden;
  }

  /** A tensor of io.safetensors, by its full name ("in.0.noise"). */
  async tensor(name: string): Promise<StoredTensor> {
    const path = join(this.folder, 'io.safetensors');
    this.#tensors ??= await readSafetensors(path);
    const tensor = this.#tensors.get(name);
    if (tensor === undefined)
      throw new SvgT2IError('ERR_SVGT2I_FILE_FORMAT', `${path} holds no tensor "${name}"`);
    return tensor;
  }

  async hasTensor(name: string): Promise<boolean> {
    this.#tensors ??= await readSafetensors(join(this.folder, 'io.safetensors'));
    return this.#tensors.has(name);
  }
}

export function caseName(folder: string): string {
  return basename(resolve(folder));
}

function parseObject(text: string, path: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new SvgT2IError('ERR_SVGT2I_FILE_FORMAT', `${path} is no JSON: ${firstLine(error)}`, {
      cause: error,
    });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new SvgT2IError('ERR_SVGT2I_FILE_FORMAT', `${path} holds no JSON object`);
  }
  return value as Readonly<Record<string, unknown>>;
}

/**
 * The case folders in `root`, sorted: the folder itself where it is a case, otherwise those below it. A folder that
 * neither is nor holds a case is listed too, so that it fails visibly instead of being passed over.
 *
 * @throws SvgT2IError ERR_SVGT2I_FILE_NOT_FOUND or ERR_SVGT2I_IO
 */
export async function findCases(root: string): Promise<readonly string[]> {
  if ((await entriesOf(root)).some((entry) => entry.name === 'case.json')) return [root];
  return casesBelow(root);
}

async function casesBelow(folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await entriesOf(folder)) {
    const path = join(folder, entry.name);
    if (!entry.isFolder || entry.name.startsWith('.')) continue;
    if ((await entriesOf(path)).some((child) => child.name === 'case.json')) {
      found.push(path);
    } else {
      const below = await casesBelow(path);
      found.push(...(below.length === 0 ? [path] : below));
    }
  }
  return found;
}

async function entriesOf(
  folder: string,
): Promise<readonly { readonly name: string; readonly isFolder: boolean }[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries
      .map((entry) => ({ name: entry.name, isFolder: entry.isDirectory() }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    throw fileError(error, 'read', folder);
  }
}
