/** A file in pieces: what its journal says of it, whatever happened to either. */
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { bytesOfPart, PartFile } from '../../../lib/fetch/part-file.js';
import { bytes, temporaryFolder } from './fixtures.js';

/** What an entry of the journal waits for before it is written. */
let held: Promise<void> | undefined;
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>();
  const appendFile: typeof real.appendFile = async (...args) => {
    await held;
    await real.appendFile(...args);
  };
  return { ...real, appendFile };
});

const SIZE = 1000;
const CONTENT = bytes(SIZE);
let path: string;
beforeEach(() => {
  path = join(temporaryFolder(), 'new/blob.incomplete');
});

const reopen = () => PartFile.open(path, SIZE, 'abc');

async function write(...spans: readonly (readonly [number, number])[]): Promise<void> {
  const part = await reopen();
  for (const [start, end] of spans) await part.write(CONTENT.subarray(start, end), start);
  await part.close();
}

describe('what is missing', () => {
  it('is what was not written, in pieces', async () => {
    await write([100, 200], [500, 600], [200, 300]);
    const part = await reopen();
    expect(part.bytes).toBe(300);
    expect(part.missing()).toEqual([
      { start: 0, end: 100 },
      { start: 300, end: 500 },
      { start: 600, end: 1000 },
    ]);
    expect(part.missing(150).map(({ start }) => start)).toEqual([0, 300, 450, 600, 750, 900]);
    await part.close();
  });

  it('is nothing of a file without bytes, and nothing of a whole one', async () => {
    const empty = await PartFile.open(`${path}.empty`, 0, 'e');
    expect(empty.missing()).toEqual([]);
    await empty.publish(`${path}.done`);
    expect(readFileSync(`${path}.done`)).toHaveLength(0);
    await write([0, 1000]);
    const part = await reopen();
    expect(part.missing()).toEqual([]);
    await part.publish(`${path}.whole`);
    expect(readFileSync(`${path}.whole`).equals(CONTENT)).toBe(true);
    expect([existsSync(path), existsSync(`${path}.journal`)]).toEqual([false, false]);
  });
});

describe('the journal', () => {
  it('says what has come, also where nothing comes after it', async () => {
    const part = await reopen();
    await part.write(CONTENT.subarray(0, 100), 0);
    await vi.waitFor(async () => expect(await bytesOfPart(path, SIZE, 'abc')).toBe(100), { timeout: 60_000 });
    await part.close();
  });

  it('that cannot be written while nobody waits for it is told of by the next write', async () => {
    const part = await reopen();
    rmSync(`${path}.journal`);
    mkdirSync(`${path}.journal`);
    const writing = async () => {
      await part.write(CONTENT.subarray(0, 100), 0);
      throw new Error('not yet');
    };
    await vi.waitFor(() => expect(writing()).rejects.toThrow(/cannot append|cannot write/), {
      timeout: 60_000,
    });
    rmSync(`${path}.journal`, { recursive: true });
    await part.close();
  });
});

describe('an entry of the journal that is under way', () => {
  it.each([
    ['close', (part: PartFile) => part.close()],
    ['publish', (part: PartFile) => part.publish(`${path}.whole`)],
    ['remove', (part: PartFile) => part.remove()],
  ])('is waited for by %s()', async (_, end) => {
    const part = await reopen();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    await part.write(CONTENT, 0);
    let release = () => {};
    held = new Promise((resolve) => {
      release = resolve;
    });
    vi.advanceTimersByTime(1000);
    vi.useRealTimers();
    let isOver = false;
    const ending = end(part).then(() => {
      isOver = true;
    });
    // Long enough for all that is not held up.
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(isOver).toBe(false);
    release();
    held = undefined;
    await ending;
    expect(existsSync(`${path}.journal`)).toBe(existsSync(path));
  });
});

describe('an earlier part', () => {
  it('counts up to the line that a kill has cut', async () => {
    await write([0, 100]);
    appendFileSync(`${path}.journal`, '100 300\n300 9');
    expect(await bytesOfPart(path, SIZE, 'abc')).toBe(300);
  });

  it('of another size or another content is thrown away', async () => {
    await write([0, 100]);
    expect(await bytesOfPart(path, SIZE + 1, 'abc')).toBe(0);
    const other = await PartFile.open(path, SIZE, 'abd');
    expect(other.bytes).toBe(0);
    await other.close();
    expect(readFileSync(path)).toHaveLength(0);
  });

  it('has lost what its file does not have any more', async () => {
    await write([0, 100], [400, 700]);
    truncateSync(path, 450);
    const part = await reopen();
    expect(part.bytes).toBe(150);
    await part.close();
    writeFileSync(`${path}.journal`, 'something else\n');
    expect((await reopen()).bytes).toBe(0);
  });

  it('begins again where only the journal is left', async () => {
    await write([0, 100]);
    rmSync(path);
    const part = await reopen();
    expect(part.missing()).toEqual([{ start: 0, end: SIZE }]);
    await part.close();
  });
});
