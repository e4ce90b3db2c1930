/** Unpacks chosen entries of a zip archive (zip64 too). Names that leave the target folder are refused by yauzl. */
import { createWriteStream } from 'node:fs';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import * as yauzl from 'yauzl';
import { firstLine, SvgT2IError } from '../errors.js';
import { makeFolder } from '../files.js';

/** Where an entry goes, relative to the target folder; undefined leaves it out. */
export type SelectEntry = (name: string) => string | undefined;

const UNIX_SYMLINK = 0o120000;
const UNIX_TYPE = 0o170000;

function openZip(file: string): Promise<yauzl.ZipFile> {
  return new Promise((resolve, reject) => {
    yauzl.open(file, { lazyEntries: true, autoClose: false }, (error, zip) => {
      if (error) reject(notAnArchive(file, error));
      else resolve(zip);
    });
  });
}

function notAnArchive(file: string, cause: unknown): SvgT2IError {
  return new SvgT2IError('ERR_SVGT2I_INSTALL', `${file} is no readable zip archive: ${firstLine(cause)}`, {
    hint: 'It may be cut or be another file: fetch it again.',
    cause,
  });
}

async function* entriesOf(zip: yauzl.ZipFile, file: string): AsyncGenerator<yauzl.Entry> {
  for (;;) {
    const entry = await new Promise<yauzl.Entry | undefined>((resolve, reject) => {
      zip.removeAllListeners();
      zip.once('entry', resolve);
      zip.once('end', () => resolve(undefined));
      zip.once('error', (error) => reject(notAnArchive(file, error)));
      zip.readEntry();
    });
    if (entry === undefined) return;
    if (!entry.fileName.endsWith('/')) yield entry;
  }
}

function openEntry(zip: yauzl.ZipFile, entry: yauzl.Entry): Promise<NodeJS.ReadableStream> {
  return new Promise((resolve, reject) => {
    zip.openReadStream(entry, (error, stream) => {
      if (error) reject(error);
      else resolve(stream);
    });
  });
}

/** Unpacked size in bytes of the chosen entries. */
export async function unpackedSize(file: string, select: SelectEntry): Promise<number> {
  const zip = await openZip(file);
  try {
    let bytes = 0;
    for await (const entry of entriesOf(zip, file)) {
      if (select(entry.fileName) !== undefined) bytes += entry.uncompressedSize;
    }
    return bytes;
  } finally {
    zip.close();
  }
}

export interface UnzipOptions {
  readonly select: SelectEntry;
  readonly signal?: AbortSignal | undefined;
  readonly onBytes?: (done: number) => void;
}

/**
 * Unpacks the chosen entries below `target`; returns how many bytes that were.
 *
 * @throws the reason of the signal, also in the middle of an entry
 */
export async function unzip(
  file: string,
  target: string,
  { select, signal, onBytes }: UnzipOptions,
): Promise<number> {
  const zip = await openZip(file);
  try {
    let bytes = 0;
    for await (const entry of entriesOf(zip, file)) {
      const path = select(entry.fileName);
      if (path === undefined) continue;
      signal?.throwIfAborted();
      if (((entry.externalFileAttributes >>> 16) & UNIX_TYPE) === UNIX_SYMLINK) {
        throw new SvgT2IError('ERR_SVGT2I_INSTALL', `${file} holds a symbolic link: ${entry.fileName}`);
      }
      const destination = join(target, path);
      await makeFolder(dirname(destination));
      await copy(await openEntry(zip, entry), destination, signal);
      bytes += entry.uncompressedSize;
      onBytes?.(bytes);
    }
    return bytes;
  } finally {
    zip.close();
  }
}

async function copy(
  entry: NodeJS.ReadableStream,
  destination: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  try {
    await pipeline(entry, createWriteStream(destination), signal === undefined ? {} : { signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}

/** Text of the first entry whose name matches, or undefined. */
export async function readZipText(file: string, name: RegExp): Promise<string | undefined> {
  const zip = await openZip(file);
  try {
    for await (const entry of entriesOf(zip, file)) {
      if (!name.test(entry.fileName)) continue;
      const chunks: Buffer[] = [];
      for await (const chunk of await openEntry(zip, entry)) chunks.push(Buffer.from(chunk));
      return Buffer.concat(chunks).toString('utf8');
    }
    return undefined;
  } finally {
    zip.close();
  }
}
