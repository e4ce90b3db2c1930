/**
 * A file that is fetched in pieces, in any order, and what of it is there: written into a journal beside it as it comes, so
 * that a process that is killed loses what was in flight and nothing more.
 */
import { appendFile, type FileHandle, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileError, systemErrorCode } from '../errors.js';
import { makeFolder } from '../files.js';

/** From its first byte to the one behind its last. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** What has come is written down after so many bytes, and of a slow line after so long. */
const NOTE_BYTES = 1 << 20;
const NOTE_MS = 500;

export class PartFile {
  readonly path: string;
  readonly size: number;
  readonly #journal: string;
  readonly #header: string;
  #file: FileHandle | undefined;
  #spans: readonly Span[] = [];
  /** Come, but not written down yet. */
  #fresh: Span[] = [];
  #freshBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  /** Of a journal that could not be written while nobody waited for it. */
  #failure: { readonly error: unknown } | undefined;
  #noting: Promise<void> = Promise.resolve();

  private constructor(path: string, size: number, identity: string) {
    this.path = path;
    this.size = size;
    this.#journal = journalPath(path);
    this.#header = `svg-t2i parts 1 ${size} ${identity}\n`;
  }

  /** `identity` tells the file from others of its name: what lies there of another one is thrown away. */
  static async open(path: string, size: number, identity: string): Promise<PartFile> {
    const part = new PartFile(path, size, identity);
    try {
      await makeFolder(dirname(path));
      await part.#resume();
      return part;
    } catch (error) {
      await part.#file?.close();
      throw fileError(error, 'write', path);
    }
  }

  async #resume(): Promise<void> {
    const spans = await readJournal(this.#journal, this.#header);
    this.#file = spans.length === 0 ? undefined : await openExisting(this.path);
    if (this.#file === undefined) return this.restart();
    // A file that is shorter than its journal says, as after the machine lost its power, has lost those bytes.
    const { size } = await this.#file.stat();
    this.#spans = united(spans.map(({ start, end }) => ({ start, end: Math.min(end, size, this.size) })));
    await this.#rewriteJournal();
  }

  /** Forgets what is there. */
  async restart(): Promise<void> {
    try {
      this.#stopTimer();
      await this.#settle();
      this.#failure = undefined;
      await this.#file?.close();
      this.#spans = [];
      this.#fresh = [];
      this.#freshBytes = 0;
      this.#file = await open(this.path, 'w+');
      await this.#rewriteJournal();
    } catch (error) {
      throw fileError(error, 'write', this.path);
    }
  }

  get bytes(): number {
    return [...this.#spans, ...this.#fresh].reduce((sum, { start, end }) => sum + end - start, 0);
  }

  /** What is yet to come, in spans of at most so many bytes. */
  missing(most = Number.POSITIVE_INFINITY): readonly Span[] {
    const spans = united([...this.#spans, ...this.#fresh]);
    const starts = [0, ...spans.map(({ end }) => end)];
    const ends = [...spans.map(({ start }) => start), this.size];
    return starts.flatMap((start, index) => cut({ start, end: ends[index] ?? start }, most));
  }

  async write(bytes: Uint8Array, position: number): Promise<void> {
    try {
      let written = 0;
      while (written < bytes.length) {
        const part = bytes.subarray(written);
        const { bytesWritten } = await this.#open().write(part, 0, part.length, position + written);
        written += bytesWritten;
      }
    } catch (error) {
      throw fileError(error, 'write', this.path);
    }
    this.#fresh.push({ start: position, end: position + bytes.length });
    this.#freshBytes += bytes.length;
    if (this.#failure !== undefined) throw this.#failure.error;
    if (this.#freshBytes >= NOTE_BYTES) await this.note();
    else this.#noteSoon();
  }

  /** Also where nothing comes any more. */
  #noteSoon(): void {
    this.#timer ??= setTimeout(() => {
      this.note().catch((error: unknown) => {
        this.#failure = { error };
      });
    }, NOTE_MS).unref();
  }

  #stopTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #open(): FileHandle {
    if (this.#file === undefined) throw new Error(`${this.path} is closed`);
    return this.#file;
  }

  /** Writes down what has come: after its bytes are in the file, never before. */
  async note(): Promise<void> {
    this.#stopTimer();
    const fresh = united(this.#fresh);
    this.#fresh = [];
    this.#freshBytes = 0;
    // Also what the timer has begun: nothing is written behind the back of who closes it.
    if (fresh.length === 0) return await this.#settle();
    this.#spans = united([...this.#spans, ...fresh]);
    const lines = fresh.map(({ start, end }) => `${start} ${end}\n`).join('');
    this.#noting = this.#noting.then(() => appendFile(this.#journal, lines));
    await this.#settle();
  }

  async #settle(): Promise<void> {
    try {
      await this.#noting;
    } catch (error) {
      this.#noting = Promise.resolve();
      throw fileError(error, 'write', this.#journal);
    }
  }

  async #rewriteJournal(): Promise<void> {
    const lines = this.#spans.map(({ start, end }) => `${start} ${end}\n`).join('');
    const beside = `${this.#journal}.new`;
    await writeFile(beside, this.#header + lines);
    await rename(beside, this.#journal);
  }

  /** It can be gone on with later. */
  async close(): Promise<void> {
    try {
      await this.note();
    } finally {
      await this.#file?.close();
      this.#file = undefined;
    }
  }

  /** Gives the whole file its name. */
  async publish(target: string): Promise<void> {
    try {
      await this.#file?.sync();
      await this.close();
      await makeFolder(dirname(target));
      await rename(this.path, target);
      await rm(this.#journal, { force: true });
    } catch (error) {
      throw fileError(error, 'write', target);
    }
  }

  async remove(): Promise<void> {
    this.#stopTimer();
    // What it says does not matter any more, nor whether it could be written.
    await this.#noting.catch(() => undefined);
    await this.#file?.close();
    this.#file = undefined;
    await removePart(this.path);
  }
}

/** Where it stands what has come of a file. */
function journalPath(path: string): string {
  return `${path}.journal`;
}

export async function removePart(path: string): Promise<void> {
  await rm(path, { force: true });
  await rm(journalPath(path), { force: true });
}

/** How much of a file is there from an earlier try. */
export async function bytesOfPart(path: string, size: number, identity: string): Promise<number> {
  const spans = await readJournal(journalPath(path), `svg-t2i parts 1 ${size} ${identity}\n`);
  return spans.reduce((sum, { start, end }) => sum + end - start, 0);
}

async function openExisting(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r+');
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Lines that a kill has cut, and all of another file's, count for nothing. */
async function readJournal(path: string, header: string): Promise<readonly Span[]> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return [];
    throw fileError(error, 'read', path);
  }
  if (!text.startsWith(header)) return [];
  const lines = text.slice(header.length).matchAll(/^(\d+) (\d+)\n/gm);
  return united([...lines].map(([, start, end]) => ({ start: Number(start), end: Number(end) })));
}

function united(spans: readonly Span[]): readonly Span[] {
  const result: Span[] = [];
  for (const span of spans.filter(({ start, end }) => end > start).sort((a, b) => a.start - b.start)) {
    const last = result.at(-1);
    if (last === undefined || span.start > last.end) result.push(span);
    else result[result.length - 1] = { start: last.start, end: Math.max(last.end, span.end) };
  }
  return result;
}

function cut({ start, end }: Span, most: number): Span[] {
  const pieces: Span[] = [];
  for (let at = start; at < end; at += most) pieces.push({ start: at, end: Math.min(end, at + most) });
  return pieces;
}
