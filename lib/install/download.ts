/** Fetches one file over HTTP, going on where an earlier try was cut. */
import { createWriteStream, existsSync, statSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { firstLine, isError, SvgT2IError, systemErrorCode } from '../errors.js';
import { makeFolder } from '../files.js';
import { checkFreeSpace, checkSha256, type FreeBytes } from './disk.js';

export interface DownloadOptions {
  readonly sha256?: string | undefined;
  readonly onBytes?: (done: number, total: number | undefined) => void;
  readonly signal?: AbortSignal | undefined;
  /** How often a cut connection is taken up again. */
  readonly retries?: number;
  /** How long the server may take to answer. */
  readonly connectTimeoutMs?: number;
  readonly freeBytes?: FreeBytes;
}

/** Fetching again would not help. */
function isOfDisk(error: unknown): boolean {
  return ['ENOSPC', 'EDQUOT', 'EIO', 'EROFS', 'EACCES'].includes(systemErrorCode(error) ?? '');
}

class Refused extends SvgT2IError {}

/** Writes `file`; a cut download stays beside it as `<file>.part` for the next try. */
export async function download(url: string, file: string, options: DownloadOptions = {}): Promise<void> {
  const part = `${file}.part`;
  await makeFolder(dirname(file));
  for (let attempt = 0; ; attempt += 1) {
    try {
      await fetchInto(url, part, options);
      break;
    } catch (error) {
      options.signal?.throwIfAborted();
      if (error instanceof Refused || SvgT2IError.isInstance(error) || isOfDisk(error)) throw error;
      if (attempt >= (options.retries ?? 3)) {
        throw new SvgT2IError('ERR_SVGT2I_INSTALL', `cannot fetch ${url}: ${whatFailed(error)}`, {
          hint: 'Check the network, or fetch the file elsewhere and pass it with --file.',
          cause: error,
        });
      }
    }
  }
  if (options.sha256 !== undefined) {
    try {
      await checkSha256(part, options.sha256, options.signal);
    } catch (error) {
      options.signal?.throwIfAborted();
      // Going on from wrong bytes could never succeed.
      await rm(part, { force: true });
      throw error;
    }
  }
  await rename(part, file);
}

/** fetch() itself says only "fetch failed"; what failed is in its cause. */
export function whatFailed(error: unknown): string {
  return firstLine(isError(error) && isError(error.cause) ? error.cause : error);
}

async function fetchInto(url: string, part: string, options: DownloadOptions): Promise<void> {
  const have = existsSync(part) ? statSync(part).size : 0;
  const connect = new AbortController();
  const timer = setTimeout(
    () => connect.abort(new Error('the server does not answer')),
    options.connectTimeoutMs ?? 20_000,
  );
  const signals = [connect.signal, ...(options.signal === undefined ? [] : [options.signal])];
  let response: Response;
  try {
    response = await fetch(url, {
      headers: have > 0 ? { range: `bytes=${have}-` } : {},
      signal: AbortSignal.any(signals),
    });
  } finally {
    clearTimeout(timer);
  }
  // 416: nothing lies behind what we have, so it is whole (or of another file, which the hash tells).
  if (response.status === 416 && have > 0) return;
  if (!response.ok || response.body === null) {
    throw new Refused('ERR_SVGT2I_INSTALL', `cannot fetch ${url}: HTTP ${response.status}`, {
      hint: 'Check the address, or fetch the file elsewhere and pass it with --file.',
    });
  }
  const resumed = response.status === 206;
  const start = resumed ? have : 0;
  const length = response.headers.get('content-length');
  const total = length === null ? undefined : start + Number(length);
  if (length !== null) await checkFreeSpace(dirname(part), Number(length), options.freeBytes);
  let done = start;
  const body = Readable.fromWeb(response.body);
  body.on('data', (chunk: Uint8Array) => {
    done += chunk.byteLength;
    options.onBytes?.(done, total);
  });
  const { signal } = options;
  await pipeline(body, createWriteStream(part, { flags: resumed ? 'a' : 'w' }), signal ? { signal } : {});
  if (total !== undefined && done !== total)
    throw new Error(`the connection ended after ${done} of ${total} bytes`);
}
