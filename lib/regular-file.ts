/** Reading files that users name: at once, within a limit, and nothing that keeps a reader waiting. */
import { closeSync, constants, fstatSync, openSync, readFileSync, type Stats, statSync } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { fileError, SvgT2IError } from './errors.js';
import { decodeUtf8 } from './utf8.js';

export interface ReadLimits {
  readonly maxBytes: number;
  /** Also read what a shell passes as /dev/stdin or /dev/fd/N (`<(command)`); a pipe with a name never is. */
  readonly allowPassedPipe?: boolean;
}

/** What a shell hands over is open already: reading it ends when its writer does. */
const PASSED_PIPE = /^\/(dev\/stdin|dev\/fd\/\d+|proc\/(self|\d+)\/fd\/\d+)$/;

/**
 * Opens a regular file for reading. A folder, a named pipe, a socket or a device is refused without opening it: a pipe
 * would wait for its writer.
 *
 * @throws SvgT2IError ERR_SVGT2I_FILE_NOT_FOUND, ERR_SVGT2I_IO, or ERR_SVGT2I_FILE_FORMAT for what is no regular file
 */
export async function openRegular(path: string): Promise<FileHandle> {
  let file: FileHandle | undefined;
  try {
    requireRegular(path, await stat(path));
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    // Once more: another may stand there by now.
    requireRegular(path, await file.stat());
    return file;
  } catch (error) {
    await file?.close();
    throw fileError(error, 'read', path);
  }
}

/**
 * A whole text file.
 *
 * @throws SvgT2IError as openRegular, and ERR_SVGT2I_FILE_FORMAT above the limit and for what is not UTF-8
 */
export async function readText(path: string, limits: ReadLimits): Promise<string> {
  return decodeUtf8(await readBytes(path, limits), path);
}

/** A whole file; throws as readText. */
export async function readBytes(path: string, limits: ReadLimits): Promise<Buffer> {
  let file: FileHandle | undefined;
  try {
    const isPassed = (limits.allowPassedPipe ?? false) && PASSED_PIPE.test(path);
    file = isPassed ? await open(path, 'r') : await openRegular(path);
    checkSize(path, (await file.stat()).size, limits);
    const parts: Buffer[] = [];
    let total = 0;
    for await (const part of file.createReadStream({ autoClose: false })) {
      total += (part as Buffer).length;
      checkSize(path, total, limits);
      parts.push(part as Buffer);
    }
    return Buffer.concat(parts);
  } catch (error) {
    throw fileError(error, 'read', path);
  } finally {
    await file?.close();
  }
}

/** The same at once, for small files that are read while nothing else goes on. */
export function readTextSync(path: string, limits: Omit<ReadLimits, 'allowPassedPipe'>): string {
  let descriptor: number | undefined;
  try {
    requireRegular(path, statSync(path));
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const opened = fstatSync(descriptor);
    requireRegular(path, opened);
    checkSize(path, opened.size, limits);
    return decodeUtf8(readFileSync(descriptor), path);
  } catch (error) {
    throw fileError(error, 'read', path);
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

function checkSize(path: string, bytes: number, { maxBytes }: ReadLimits): void {
  if (bytes <= maxBytes) return;
  throw new SvgT2IError(
    'ERR_SVGT2I_FILE_FORMAT',
    `${path} has more than the ${maxBytes} bytes that are read of such a file`,
  );
}

function requireRegular(path: string, entry: Stats): void {
  if (entry.isFile()) return;
  throw new SvgT2IError('ERR_SVGT2I_FILE_FORMAT', `${path} is ${kindOf(entry)}, not a regular file`);
}

function kindOf(entry: Stats): string {
  if (entry.isDirectory()) return 'a folder';
  if (entry.isFIFO()) return 'a named pipe';
  if (entry.isSocket()) return 'a socket';
  if (entry.isCharacterDevice()) return 'a device';
  if (entry.isBlockDevice()) return 'a block device';
  return 'a special file';
}
