// Packing folders of pictures for ADM's evaluator, as one types it.
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EvaluateEvent } from '../../dist/eval/events.js';
import { encodeImage } from '../../dist/image/encode.js';
import { evaluate } from '../../dist/index.js';
import { openNpz } from '../../dist/npz/read.js';
import { writeNpz } from '../../dist/npz/write.js';
import { goldenFolder } from '../unit/golden.js';
import { run } from './cli.js';

let folder: string;
const inFolder = (...path: readonly string[]) => join(folder, ...path);

async function picture(path: string, width: number, height: number, level: number): Promise<void> {
  const data = new Uint8Array(width * height * 3).fill(level);
  writeFileSync(path, await encodeImage({ width, height, data }, { format: 'png' }));
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'svg-t2i-pack-'));
  for (const name of ['alike', 'unlike', 'various', 'broken', 'empty']) mkdirSync(inFolder(name));
  for (const [i, name] of ['10.png', '2.png', 'b/1.png', 'a.png'].entries()) {
    mkdirSync(inFolder('alike', 'b'), { recursive: true });
    await picture(inFolder('alike', name), 8, 6, i);
  }
  await picture(inFolder('unlike', '1.png'), 8, 8, 0);
  await picture(inFolder('unlike', '2.png'), 9, 8, 0);
  for (let i = 0; i < 16; i++) await picture(inFolder('various', `${i}.png`), 16 - i, 8, 0);
  for (const name of ['1.png', '3.png']) await picture(inFolder('broken', name), 8, 8, 0);
  for (const name of ['2.png', '4.png']) writeFileSync(inFolder('broken', name), 'no picture');
});
afterAll(() => rmSync(folder, { recursive: true }));

const pack = (...args: readonly string[]) => run(['eval', 'pack', ...args]);

describe('eval pack', () => {
  it('packs in the sorted order of the names, with classes', async () => {
    writeFileSync(inFolder('classes.txt'), 'a.png 3\n2.png 1\n10.png 0\nb/1.png 2\n');
    const out = inFolder('samples.npz');
    const { code, stdout } = await pack(inFolder('alike'), '-o', out, '--labels', inFolder('classes.txt'));
    expect([code, stdout.toString()]).toEqual([0, `${out}: 4 pictures of 8x6, and their classes as arr_1\n`]);
    await using file = await openNpz(out);
    const { shape, data } = await file.read('arr_0');
    const levels = Array.from({ length: 4 }, (_, i) => Number(data[i * 8 * 6 * 3]));
    expect([shape, levels]).toEqual([
      [4, 6, 8, 3],
      [0, 1, 3, 2],
    ]);
    expect((await file.read('arr_1')).data).toEqual(BigInt64Array.from([0n, 1n, 3n, 2n]));
  });

  it("cuts as ADM's reference sets were cut", async () => {
    const out = inFolder('cut.npz');
    const golden = goldenFolder('fid-image-preprocess');
    const { code, stdout } = await pack(golden, '-o', out, '--adm-crop', '--json');
    expect(code).toBe(0);
    const lines = stdout.toString().trim().split('\n');
    expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({
      ...{ type: 'result', kind: 'pack', path: out, count: 4, width: 256, height: 256, labels: false },
    });
    await using file = await openNpz(out);
    expect((await file.member('arr_0')).shape).toEqual([4, 256, 256, 3]);
    // Packed again it is the same: cutting a square of that size changes nothing.
    expect((await pack(out, '-o', inFolder('again.npz'), '--adm-crop')).code).toBe(0);
    await using again = await openNpz(inFolder('again.npz'));
    expect((await again.read('arr_0')).data).toEqual((await file.read('arr_0')).data);
  });

  it.each([
    ['unlike', [], /2\.png has 9x8 pixels, not 8x8: an npz holds pictures of one size/],
    ['various', [], /1\.png has 15x8 pixels, not 16x8/],
    ['alike', ['--resolution', '16'], /10\.png has 8x6 pixels, not 16x16/],
    ['broken', [], /2 of 4 pictures of .*broken cannot be read.*; one of them: .*2\.png/],
    ['empty', [], /holds no pictures/],
    ['missing', [], /no such file or folder/],
    ['alike', ['--labels', 'LABELS'], /labels\.txt has 1 classes for 4 pictures/],
    ['alike', ['--resolution', '0'], /--resolution: must be at least 1/],
  ])('refuses %s %j, and writes nothing', async (name, args, message) => {
    writeFileSync(inFolder('labels.txt'), '7\n');
    const given = args.map((arg) => (arg === 'LABELS' ? inFolder('labels.txt') : arg));
    const { code, stderr } = await pack(inFolder(name), '-o', inFolder('refused.npz'), ...given);
    expect([code === 0, stderr]).toEqual([false, expect.stringMatching(message)]);
    expect(readdirSync(folder).filter((file) => file.startsWith('refused'))).toEqual([]);
  });

  it('reads its settings from a file, and prints them', async () => {
    writeFileSync(inFolder('pack.yaml'), 'pack: { source: alike, out: from-file.npz, resolution: 6 }\n');
    const printed = await pack('--config', inFolder('pack.yaml'), '--print-config');
    expect([printed.code, printed.stdout.toString()]).toEqual([
      0,
      expect.stringContaining(`source: ${inFolder('alike')}`),
    ]);
    const { code, stderr } = await pack('--config', inFolder('pack.yaml'), '--set', 'pack.admCrop=true');
    expect([code, stderr]).toEqual([0, expect.any(String)]);
    await using file = await openNpz(inFolder('from-file.npz'));
    expect((await file.member('arr_0')).shape).toEqual([4, 6, 6, 3]);
    const wrong = await pack(inFolder('alike'), '--set', 'pack.admcrop=true', '-o', 'x.npz');
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('did you mean "admCrop"?')]);
  });

  it('refuses to take the place of what it packs, also by another path', async () => {
    const reference = inFolder('reference.npz');
    const values = { dtype: 'uint8', shape: [1, 2, 2, 3], data: new Uint8Array(12) } as const;
    const mu = { name: 'mu', dtype: 'float64', shape: [1], data: new Float64Array(1) } as const;
    const sigma = { ...mu, name: 'sigma', shape: [1, 1] };
    await writeNpz(reference, [{ name: 'arr_0', ...values }, mu, sigma]);
    symlinkSync(reference, inFolder('link.npz'));
    for (const out of ['reference.npz', 'alike/../reference.npz', 'link.npz']) {
      const { code, stderr } = await pack(reference, '-o', inFolder(out));
      expect([code, stderr]).toEqual([
        2,
        expect.stringContaining('is the file that is read, and would be replaced'),
      ]);
    }
    await using file = await openNpz(reference);
    expect(file.names).toEqual(['arr_0', 'mu', 'sigma']);
  });

  it('is called by programs as well, tells how far it is, and ends with the reason of the signal', async () => {
    const out = inFolder('called.npz');
    const events: EvaluateEvent[] = [];
    const request = { kind: 'pack', source: pathToFileURL(inFolder('alike')), out } as const;
    const result = await evaluate(request, { onEvent: (event) => events.push(event) });
    expect(result).toEqual({ kind: 'pack', path: out, count: 4, width: 8, height: 6, labels: false });
    expect(events.at(-1)).toMatchObject({ type: 'progress', done: 4, total: 4 });
    const controller = new AbortController();
    const onEvent = () => controller.abort(new Error('enough'));
    rmSync(out);
    await expect(evaluate(request, { onEvent, signal: controller.signal })).rejects.toThrow('enough');
    expect(readdirSync(folder).filter((file) => file.startsWith('called'))).toEqual([]);
    await expect(evaluate({ ...request, resolution: -1 })).rejects.toMatchObject({
      code: 'ERR_SVGT2I_INVALID_ARGUMENT',
    });
  });
});
