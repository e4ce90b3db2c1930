import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { openNpz } from '../../../lib/npz/read.js';
import { writeNpz } from '../../../lib/npz/write.js';
import { goldenFolder } from '../golden.js';

const folder = mkdtempSync(join(tmpdir(), 'svg-t2i-npz-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function* parts(bytes: Uint8Array, length: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

it.each(['samples_stored.npz', 'labeled.npz', 'reference.npz'])(
  "writes %s as numpy's savez wrote it, byte for byte",
  async (name) => {
    const original = join(goldenFolder('adm-npz'), name);
    await using file = await openNpz(original);
    const arrays = await Promise.all(
      file.names.map(async (member) => ({ name: member, ...(await file.read(member)) })),
    );
    const path = join(folder, name);
    await writeNpz(path, arrays);
    expect(readFileSync(path).equals(readFileSync(original))).toBe(true);
    // And in parts of a length that fits nothing.
    const pieces = arrays.map((array) => ({
      ...array,
      data: parts(new Uint8Array(array.data.buffer), 1001),
    }));
    await writeNpz(path, pieces);
    expect(readFileSync(path).equals(readFileSync(original))).toBe(true);
  },
);

it.each([
  [7, 'arr_0: 7 bytes of 8, which its shape (2, 4) needs'],
  [9, 'arr_0: more than 8 bytes, which its shape (2, 4) needs'],
])('refuses %d bytes for 8, and leaves what was there', async (length, message) => {
  const path = join(folder, 'kept.npz');
  writeFileSync(path, 'before');
  const array = {
    name: 'arr_0',
    dtype: 'uint8',
    shape: [2, 4],
    data: parts(new Uint8Array(length), 3),
  } as const;
  await expect(writeNpz(path, [array])).rejects.toMatchObject({
    code: 'ERR_SVGT2I_INVALID_ARGUMENT',
    message,
  });
  expect([readFileSync(path, 'utf8'), readdirSync(folder).filter((name) => name.endsWith('.part'))]).toEqual([
    'before',
    [],
  ]);
});

it('ends with the reason of the signal, and leaves nothing', async () => {
  const path = join(folder, 'stopped.npz');
  const controller = new AbortController();
  async function* stopped() {
    yield new Uint8Array(4);
    controller.abort(new Error('enough'));
    yield new Uint8Array(4);
  }
  const array = { name: 'arr_0', dtype: 'uint8', shape: [8], data: stopped() } as const;
  await expect(writeNpz(path, [array], { signal: controller.signal })).rejects.toThrow('enough');
  expect([existsSync(path), readdirSync(folder).filter((name) => name.endsWith('.part'))]).toEqual([
    false,
    [],
  ]);
});

it('writes arrays without values, and parts without bytes', async () => {
  const path = join(folder, 'empty.npz');
  async function* some() {
    yield new Uint8Array();
    yield Uint8Array.from([1, 2]);
    yield new Uint8Array();
  }
  await writeNpz(path, [
    { name: 'none', dtype: 'float64', shape: [0, 3], data: new Float64Array() },
    { name: 'two', dtype: 'uint8', shape: [2], data: some() },
  ]);
  await using file = await openNpz(path);
  expect(await file.read('none')).toEqual({ dtype: 'float64', shape: [0, 3], data: new Float64Array() });
  expect(await file.read('two')).toEqual({ dtype: 'uint8', shape: [2], data: Uint8Array.from([1, 2]) });
});

it('says what the source of an array says', async () => {
  // biome-ignore lint/correctness/useYield: it fails at once.
  async function* broken(): AsyncGenerator<Uint8Array> {
    throw Object.assign(new Error('gone'), { code: 'ENOSPC' });
  }
  const array = { name: 'arr_0', dtype: 'uint8', shape: [8], data: broken() } as const;
  await expect(writeNpz(join(folder, 'full.npz'), [array])).rejects.toMatchObject({
    code: 'ERR_SVGT2I_DISK_FULL',
  });
});
