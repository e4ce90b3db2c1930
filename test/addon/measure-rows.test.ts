/** Features that are kept on disk: the same numbers as from memory, and nothing lost where the disk fails. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Engine } from '../../dist/engine.js';
import type { NativeTensor } from '../../dist/native/binding.js';
import { writeInceptionWeights } from '../inception-weights.js';

let folder: string;
let weights: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'svg-measure-rows-'));
  weights = join(folder, 'inception.safetensors');
  writeInceptionWeights(weights);
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A picture of one wave; each number gives another one. */
function picture(number: number): NativeTensor {
  const data = new Uint8Array(24 * 24 * 3);
  for (let i = 0; i < data.length; i++) data[i] = 128 + 120 * Math.sin(number + (i * (1 + number)) / 50);
  return { dtype: 'uint8', shape: [24, 24, 3], data };
}

const pictures = (from: number, to: number) =>
  Object.fromEntries(Array.from({ length: to - from }, (_, i) => [`image.${i}`, picture(from + i)]));

async function opened(spill: { bytes: number; folder: string }): Promise<Engine> {
  const engine = await Engine.create({ device: 'cpu', threads: 1 });
  const metrics = ['fid', 'kid', 'is', 'pr'] as const;
  await engine.run('measure-open', { inception: { path: weights }, metrics, spill });
  return engine;
}

async function measured(engine: Engine) {
  const { value } = await engine.run('measure-result', {
    set: 'set',
    reference: 'reference',
    metrics: ['fid', 'kid', 'is', 'pr'],
    kid: { subsets: 3, subsetSize: 5, seed: 2020, degree: 3, gamma: null, coef0: 1 },
    inceptionScore: { protocol: 'torch-fidelity', splits: 2, seed: 2020 },
    neighbours: 2,
  });
  return value;
}

it('give the same numbers from disk, leave no file, and lose nothing where it cannot be written', async () => {
  const late = join(folder, 'late');
  await using engine = await opened({ bytes: 0, folder: late });
  await using other = await opened({ bytes: 1 << 30, folder });
  const add = async (by: Engine, set: string, tensors: Record<string, NativeTensor>) =>
    (await by.run('measure-add', { set }, { tensors })).value.count;
  await expect(add(engine, 'set', pictures(0, 10))).rejects.toMatchObject({
    code: 'ERR_SVGT2I_IO',
    message: expect.stringContaining(late),
  });
  mkdirSync(late);
  for (const by of [engine, other]) {
    expect(await add(by, 'set', pictures(0, 10))).toBe(10);
    expect(await add(by, 'reference', pictures(20, 29))).toBe(9);
  }
  const found = await measured(engine);
  expect(found).toEqual(await measured(other));
  expect(found.kid?.std).toBeGreaterThan(0);
  expect(readdirSync(late)).toEqual([]);
});
