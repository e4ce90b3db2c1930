/** What lies in a folder, and whether any of it is half. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

/** Names of what is being written: never taken for a result. */
const UNFINISHED =
  /\.part$|\.partial(\/|$)|\.tmp(\/|$)|(^|\/)\.partial-|(^|\/)\.downloads(\/|$)|\.takeover$|\.svg-t2i\.incomplete(\.journal(\.new)?)?$/;

/** Relative paths of all files, sorted. */
export function filesIn(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();
}

export function unfinishedFiles(folder: string): readonly string[] {
  return filesIn(folder).filter((path) => UNFINISHED.test(path));
}

/** Files under their final names that are cut. */
export function halfFiles(folder: string): readonly string[] {
  return filesIn(folder).filter(
    (path) => !UNFINISHED.test(path) && !isWhole(path, readFileSync(join(folder, path))),
  );
}

function isWhole(path: string, bytes: Buffer): boolean {
  const ending = /\.\w+$/.exec(path)?.[0] ?? '';
  switch (ending) {
    case '.png':
      return bytes.subarray(-8, -4).toString('latin1') === 'IEND';
    case '.json':
      return isJson(bytes.toString());
    case '.jsonl':
      // A line that was cut is mended by the next run.
      return bytes.toString().split('\n').slice(0, -1).every(isJson);
    case '.yaml':
      return bytes.toString().endsWith('\n');
    case '.svg':
      return bytes.toString().trimEnd().endsWith('</svg>');
    case '.safetensors':
      return isWholeSafetensors(bytes);
    case '.pt':
    case '.pth':
    case '.ckpt':
      return bytes.includes('PK\x05\x06', Math.max(0, bytes.length - 64), 'latin1');
    default:
      return path.endsWith('lock') ? isJson(bytes.toString()) : true;
  }
}

function isWholeSafetensors(bytes: Buffer): boolean {
  if (bytes.length < 8) return false;
  const header = Number(bytes.readBigUInt64LE(0));
  const text = bytes.subarray(8, 8 + header).toString();
  if (!isJson(text)) return false;
  const ends = Object.entries(JSON.parse(text) as Record<string, { data_offsets?: readonly number[] }>).map(
    ([, { data_offsets: offsets }]) => offsets?.[1] ?? 0,
  );
  return bytes.length === 8 + header + Math.max(0, ...ends);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}
