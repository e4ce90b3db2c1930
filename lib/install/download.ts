/** Fetches one file of unknown size over HTTP, going on where an earlier try was cut. */
import { createWriteStream, existsSync, statSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { isError, SvgT2IError } from '../errors.js';
import { checkFreeSpace, type FreeBytes } from '../fetch/disk.js';
import { Http, whatFailed, withoutSecrets } from '../fetch/http.js';
import { isOfDisk, type RetryPolicy, Transient, transientStatus, withRetries } from '../fetch/retry.js';
import { makeFolder } from '../files.js';
import { checkSha256, roomForLibtorch } from './archive-checks.js';

export interface DownloadOptions {
  readonly sha256?: string | undefined;
  readonly onBytes?: (done: number, total: number | undefined) => void;
  readonly signal?: AbortSignal | undefined;
  /** How often in a row a connection that brings nothing is taken up again. */
  readonly retries?: number;
  /** How long the server may take to answer. */
  readonly connectTimeoutMs?: number;
  readonly freeBytes?: FreeBytes;
}

const POLICY: RetryPolicy = { retries: 3, baseMs: 200, mostMs: 5_000, mostRetryAfterMs: 60_000 };

/** Writes `file`; a cut download stays beside it as `<file>.part` for the next try. */
export async function download(url: string, file: string, options: DownloadOptions = {}): Promise<void> {
  const { signal, connectTimeoutMs, retries = POLICY.retries } = options;
  const part = `${file}.part`;
  await makeFolder(dirname(file));
  let http: Http | undefined;
  try {
    const own = new Http({ connectTimeoutMs });
    http = own;
    await withRetries((progressed) => fetchInto(own, url, part, options, progressed), {
      policy: { ...POLICY, retries },
      signal,
    });
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof Transient) throw cannotFetch(url, error, [whatFailed(error), 'Check the network.']);
    if (isFetchError(error))
      throw cannotFetch(url, error, [error.message, error.hint ?? 'Check the network.']);
    throw error;
  } finally {
    await http?.close();
  }
  if (options.sha256 !== undefined) {
    try {
      await checkSha256(part, options.sha256, signal);
    } catch (error) {
      signal?.throwIfAborted();
      // Going on from wrong bytes could never succeed.
      await rm(part, { force: true });
      throw error;
    }
  }
  await rename(part, file);
}

function isFetchError(error: unknown): error is SvgT2IError {
  return SvgT2IError.isInstance(error) && error.code === 'ERR_SVGT2I_FETCH';
}

function cannotFetch(
  url: string,
  cause: unknown,
  [reason, fix]: readonly [reason: string, fix: string],
): SvgT2IError {
  const begin = 'cannot fetch ';
  const message = reason.startsWith(begin) ? reason : `${begin}${withoutSecrets(url)}: ${reason}`;
  const hint = `${fix} Or fetch the file elsewhere and pass it with --file.`;
  return new SvgT2IError('ERR_SVGT2I_INSTALL', message, { hint, cause });
}

async function fetchInto(
  http: Http,
  url: string,
  part: string,
  { signal, onBytes, freeBytes }: DownloadOptions,
  progressed: () => void,
): Promise<void> {
  const have = existsSync(part) ? statSync(part).size : 0;
  const answer = await http.send(url, { headers: have > 0 ? { range: `bytes=${have}-` } : {}, signal });
  const { status, headers, body } = answer;
  try {
    // 416: nothing lies behind what we have, so it is whole (or of another file, which the hash tells).
    if (status === 416 && have > 0) return;
    if (status !== 200 && status !== 206) {
      const busy = transientStatus(status, headers, new URL(answer.url).host);
      if (busy !== undefined) throw busy;
      throw new SvgT2IError('ERR_SVGT2I_INSTALL', `cannot fetch ${withoutSecrets(url)}: HTTP ${status}`, {
        hint: 'Check the address, or fetch the file elsewhere and pass it with --file.',
      });
    }
    const resumed = status === 206;
    const start = resumed ? have : 0;
    const length = headers['content-length'];
    const total = length === undefined ? undefined : start + Number(length);
    if (length !== undefined) await checkFreeSpace(roomForLibtorch(dirname(part), Number(length)), freeBytes);
    let done = start;
    body.on('data', (chunk: Uint8Array) => {
      done += chunk.byteLength;
      progressed();
      onBytes?.(done, total);
    });
    await pipeline(body, createWriteStream(part, { flags: resumed ? 'a' : 'w' }), signal ? { signal } : {});
    if (total !== undefined && done !== total)
      throw new Transient(`the connection ended after ${done} of ${total} bytes`);
  } catch (error) {
    signal?.throwIfAborted();
    const isToldOf = SvgT2IError.isInstance(error) || error instanceof Transient || isOfDisk(error);
    if (isToldOf || !isError(error)) throw error;
    throw new Transient(whatFailed(error), { cause: error });
  } finally {
    body.destroy();
  }
}
