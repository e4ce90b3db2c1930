/** Measuring sets and pairs: what a number may depend on, and what a failed call leaves behind. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Engine } from '../../dist/engine.js';
import type { NativeTensor, NativeTensors } from '../../dist/native/binding.js';
import type {
  MeasureResultRequest,
  PairMetric,
  SetMetric,
  StatisticsTensors,
} from '../../dist/native/measure-jobs.js';
import { inceptionTensors, writeInceptionWeights } from '../inception-weights.js';
import { type RawTensor, writeSafetensors } from '../unit/safetensors.js';

let folder: string;
let weights: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'svg-measure-'));
  weights = join(folder, 'inception.safetensors');
  writeInceptionWeights(weights);
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A picture with structure: waves of its own in each channel. */
function picture(seed: number, height: number, width: number): NativeTensor {
  const data = new Uint8Array(height * width * 3);
  for (let i = 0; i < data.length; i++) {
    const [x, y, c] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width), i % 3];
    data[i] = 128 + 120 * Math.sin(x / (5 + (seed % 7)) + (c + 1) * Math.sin(y / (9 + (seed % 4)) + seed));
  }
  return { dtype: 'uint8', shape: [height, width, 3], data };
}

const pictures = (count: number, from: number) =>
  Array.from({ length: count }, (_, i) => picture(from + i, 40 + 9 * (i % 5), 64 - 7 * (i % 4)));

const settings: Omit<MeasureResultRequest, 'set' | 'metrics'> = {
  reference: 'reference',
  kid: { subsets: 4, subsetSize: 6, seed: 2020, degree: 3, gamma: null, coef0: 1 },
  inceptionScore: { protocol: 'torch-fidelity', splits: 2, seed: 2020 },
  neighbours: 3,
};

/** Numbers that keep a signal's size through a ReLU; none below 0 where that is asked for. */
function drawn(seed: number, shape: readonly number[], positive = false): RawTensor {
  const count = shape.reduce((product, side) => product * side, 1);
  const bound = Math.sqrt((6 * (shape[0] ?? 1)) / count);
  const wave = (i: number) => Math.sin(i * 1.7 + seed);
  const data = Float32Array.from({ length: count }, (_, i) =>
    positive ? Math.abs(wave(i)) : bound * wave(i),
  );
  return { dtype: 'F32', shape, bytes: new Uint8Array(data.buffer) };
}

async function opened(metrics: readonly SetMetric[], threads = 1): Promise<Engine> {
  const engine = await Engine.create({ device: 'cpu', threads });
  await engine.run('measure-open', {
    inception: { path: weights },
    metrics,
    spill: { bytes: 1 << 20, folder },
  });
  return engine;
}

const numbered = (images: readonly NativeTensor[]) =>
  Object.fromEntries(images.map((image, i) => [`image.${i}`, image])) as Record<
    `image.${number}`,
    NativeTensor
  >;

/** In calls of `cut` pictures. */
async function add(engine: Engine, set: string, images: readonly NativeTensor[], cut = images.length) {
  let count = 0;
  for (let i = 0; i < images.length; i += cut) {
    const tensors = numbered(images.slice(i, i + cut));
    ({ count } = (await engine.run('measure-add', { set }, { tensors })).value);
  }
  return count;
}

describe('a distance of sets', () => {
  // The first ones are more than the network takes at once.
  const [a, b] = [pictures(18, 0), pictures(10, 100)];

  it('does not depend on how they are cut, on threads or on their order', async () => {
    const metrics = ['fid', 'sfid'] as const;
    const values: { fid: number; sfid: number }[] = [];
    let reference: NativeTensors | undefined;
    for (const { cut, threads, images } of [
      { cut: 18, threads: 1, images: a },
      { cut: 7, threads: 2, images: a },
      { cut: 16, threads: 1, images: [...a].reverse() },
    ]) {
      await using engine = await opened(metrics, threads);
      if (reference === undefined) {
        await add(engine, 'reference', b);
        reference = (await engine.run('measure-statistics', { set: 'reference' })).tensors;
      } else {
        const tensors = reference as StatisticsTensors;
        await engine.run('measure-reference', { set: 'reference', count: 10 }, { tensors });
      }
      expect(await add(engine, 'set', images, cut)).toBe(18);
      const { value } = await engine.run('measure-result', { ...settings, set: 'set', metrics });
      values.push({ fid: value.fid ?? Number.NaN, sfid: value.sfid ?? Number.NaN });
    }
    const [first] = values;
    expect(first?.fid).toBeGreaterThan(0);
    for (const { fid, sfid } of values) {
      expect(Math.abs(fid / (first?.fid ?? 0) - 1)).toBeLessThan(1e-6);
      expect(Math.abs(sfid / (first?.sfid ?? 0) - 1)).toBeLessThan(1e-6);
    }
  });

  it('is the same by statistics that were saved, which know no rows', async () => {
    await using engine = await opened(['fid', 'kid', 'is', 'pr']);
    await add(engine, 'set', a.slice(0, 12));
    await add(engine, 'reference', b);
    const all = { ...settings, set: 'set', metrics: ['fid', 'kid', 'is', 'pr'] } as const;
    const { value } = await engine.run('measure-result', all);
    expect(value.kid?.mean).toEqual(expect.any(Number));
    expect(value.is?.mean).toBeGreaterThan(1);
    expect(value.pr).toMatchObject({ precision: expect.any(Number), recall: expect.any(Number) });
    const saved = await engine.run('measure-statistics', { set: 'reference' });
    expect(saved.value.count).toBe(10);
    expect(saved.tensors).toMatchObject({ mu: { shape: [2048] }, sigma: { shape: [2048, 2048] } });
    expect(saved.tensors).not.toHaveProperty('mu_s');
    await engine.run('measure-reference', { set: 'saved', count: 0 }, { tensors: saved.tensors });
    const by = { ...settings, set: 'set', reference: 'saved' };
    expect((await engine.run('measure-result', { ...by, metrics: ['fid'] })).value.fid).toBe(value.fid);
    for (const metric of ['kid', 'pr'] as const) {
      await expect(engine.run('measure-result', { ...by, metrics: [metric] })).rejects.toMatchObject({
        code: 'ERR_SVGT2I_INVALID_ARGUMENT',
        message: expect.stringMatching(
          new RegExp(`set "saved" holds statistics alone, ${metric} needs the features`),
        ),
      });
    }
  });

  it('is refused for a set that is not there, or too small, by its name', async () => {
    await using engine = await opened(['fid', 'kid']);
    await add(engine, 'set', a.slice(0, 5));
    const asked = { ...settings, set: 'set' };
    await expect(engine.run('measure-result', { ...asked, metrics: ['fid'] })).rejects.toMatchObject({
      message: 'set "reference" holds no pictures',
    });
    await add(engine, 'reference', b.slice(0, 5));
    await expect(engine.run('measure-result', { ...asked, metrics: ['kid'] })).rejects.toMatchObject({
      code: 'ERR_SVGT2I_INVALID_ARGUMENT',
      message: expect.stringContaining('"set"'),
    });
  });

  it('refuses statistics that do not fit', async () => {
    await using engine = await opened(['fid']);
    const doubles = (...shape: number[]): NativeTensor => {
      const data = new Float64Array(shape.reduce((product, side) => product * side, 1));
      return { dtype: 'float64', shape, data };
    };
    const give = (mu: NativeTensor, sigma: NativeTensor) =>
      engine.run('measure-reference', { set: 'x', count: 10 }, { tensors: { mu, sigma } });
    await expect(give(doubles(8), doubles(7, 7))).rejects.toMatchObject({
      code: 'ERR_SVGT2I_INVALID_ARGUMENT',
      message: 'set "x": mu has shape [8], sigma [7, 7]: they are not of the same features',
    });
    await expect(give(picture(1, 2, 2), doubles(7, 7))).rejects.toThrow(/set "x": mu is Byte, not float64/);
    const spoiled = doubles(2, 2);
    (spoiled.data as Float64Array)[3] = Number.NaN;
    await expect(give(doubles(2), spoiled)).rejects.toThrow('set "x": sigma holds NaN or infinity');
  });
});

describe('a failed call', () => {
  it('leaves the set as it was', async () => {
    await using engine = await opened(['fid', 'kid', 'is']);
    expect(await add(engine, 'set', pictures(3, 0))).toBe(3);
    const grey: NativeTensor = { dtype: 'uint8', shape: [8, 8, 1], data: new Uint8Array(64) };
    await expect(add(engine, 'set', [...pictures(2, 3), grey])).rejects.toMatchObject({
      code: 'ERR_SVGT2I_INVALID_ARGUMENT',
      message: expect.stringContaining('"image.2" must be uint8 (height, width, 3)'),
    });
    const controller = new AbortController();
    const tensors = numbered(pictures(40, 10));
    const cancelled = engine.run('measure-add', { set: 'set' }, { tensors, signal: controller.signal });
    setTimeout(() => controller.abort(), 50);
    await expect(cancelled).rejects.toMatchObject({ name: 'AbortError' });
    expect(await add(engine, 'set', pictures(1, 3))).toBe(4);
    expect((await engine.run('measure-statistics', { set: 'set' })).value.count).toBe(4);
  });

  it('takes no tensor that its numbers pass over, and no metric twice', async () => {
    await using engine = await opened(['fid']);
    const [a, b] = [picture(1, 16, 16), picture(2, 16, 16)];
    const gap = engine.run('measure-add', { set: 'set' }, { tensors: { 'image.0': a, 'image.2': b } });
    await expect(gap).rejects.toThrow('1 of the 2 tensors are numbered from 0 on without a gap');
    const pairs = (tensors: Record<`${'a' | 'b'}.${number}`, NativeTensor>, metrics: readonly PairMetric[]) =>
      engine.run('measure-pairs', { metrics }, { tensors });
    await expect(pairs({ 'a.0': a, 'b.0': b, 'b.1': b }, ['psnr'])).rejects.toThrow('2 of the 3 tensors');
    await expect(pairs({ 'a.0': a, 'b.0': b }, ['psnr', 'psnr'])).rejects.toThrow('is named twice');
  });

  it('is either pictures or statistics', async () => {
    await using engine = await opened(['fid']);
    const doubles = (...shape: number[]): NativeTensor => ({
      dtype: 'float64',
      shape,
      data: new Float64Array(shape.reduce((product, side) => product * side, 1)),
    });
    const give = (set: string) =>
      engine.run(
        'measure-reference',
        { set, count: 9 },
        { tensors: { mu: doubles(4), sigma: doubles(4, 4) } },
      );
    await give('given');
    await expect(add(engine, 'given', pictures(1, 0))).rejects.toMatchObject({
      code: 'ERR_SVGT2I_INVALID_ARGUMENT',
      message: 'set "given" was given as statistics: pictures cannot be added to it',
    });
    await add(engine, 'filled', pictures(1, 0));
    await expect(give('filled')).rejects.toThrow(
      'set "filled" holds pictures: statistics cannot stand for it',
    );
  });

  it('tells that nothing is open, or lacks its network', async () => {
    await using engine = await Engine.create({ device: 'cpu' });
    const tensors = numbered(pictures(1, 0));
    await expect(engine.run('measure-add', { set: 'a' }, { tensors })).rejects.toMatchObject({
      code: 'ERR_SVGT2I_NOT_LOADED',
      message: 'no measurement is open',
    });
    await engine.run('measure-open', { metrics: [], spill: { bytes: 0, folder } });
    await expect(engine.run('measure-add', { set: 'a' }, { tensors })).rejects.toThrow(
      /Inception.* not loaded/,
    );
    const pairs = { 'a.0': picture(1, 32, 32), 'b.0': picture(2, 32, 32) };
    await expect(engine.run('measure-pairs', { metrics: ['lpips'] }, { tensors: pairs })).rejects.toThrow(
      /LPIPS metric, which was not loaded/,
    );
    await engine.run('measure-close', {});
    await expect(engine.run('measure-add', { set: 'a' }, { tensors })).rejects.toThrow(
      'no measurement is open',
    );
  });
});

describe('pairs', () => {
  it('have each metric in their order, whatever their sizes', async () => {
    await using engine = await Engine.create({ device: 'cpu' });
    await engine.run('measure-open', { metrics: [], spill: { bytes: 0, folder } });
    const [small, large] = [picture(1, 20, 30), picture(2, 40, 24)];
    const tensors = { 'a.0': small, 'b.0': small, 'a.1': large, 'b.1': picture(3, 40, 24) };
    const { tensors: found } = await engine.run('measure-pairs', { metrics: ['psnr', 'ssim'] }, { tensors });
    expect(found.psnr).toMatchObject({ dtype: 'float64', shape: [2] });
    expect(found.psnr?.data[0]).toBe(Number.POSITIVE_INFINITY);
    expect(found.psnr?.data[1]).toBeLessThan(20);
    expect(found.ssim?.data[0]).toBeCloseTo(1, 12);
    expect(found.ssim?.data[1]).toBeLessThan(0.9);
    await expect(
      engine.run('measure-pairs', { metrics: ['psnr'] }, { tensors: { 'a.0': small, 'b.0': large } }),
    ).rejects.toThrow(/unlike sizes: \[20, 30, 3\] and \[40, 24, 3\]/);
  });
});

describe('LPIPS', () => {
  it('is read from two files, with what torchvision keeps beside', async () => {
    const convolutions = [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28];
    const widths = [64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512];
    const net: Record<string, RawTensor> = { 'classifier.0.weight': drawn(1, [4, 4]) };
    for (const [i, at] of convolutions.entries()) {
      net[`features.${at}.weight`] = drawn(i, [widths[i] ?? 0, widths[i - 1] ?? 3, 3, 3]);
      net[`features.${at}.bias`] = drawn(i, [widths[i] ?? 0]);
    }
    const lin = Object.fromEntries(
      [64, 128, 256, 512, 512].map((width, i) => [
        `lin${i}.model.1.weight`,
        drawn(i, [1, width, 1, 1], true),
      ]),
    );
    const paths = { net: join(folder, 'vgg16.safetensors'), lin: join(folder, 'vgg.safetensors') };
    writeSafetensors(paths.net, net);
    writeSafetensors(paths.lin, lin);
    await using engine = await Engine.create({ device: 'cpu' });
    const open = (lpips: { net: string; lin: string }) =>
      engine.run('measure-open', { lpips, metrics: [], spill: { bytes: 0, folder } });
    await open(paths);
    const [a, b] = [picture(1, 40, 24), picture(2, 40, 24)];
    const tensors = { 'a.0': a, 'b.0': a, 'a.1': a, 'b.1': b };
    const { tensors: found } = await engine.run('measure-pairs', { metrics: ['lpips'] }, { tensors });
    expect(found.lpips?.data[0]).toBe(0);
    expect(found.lpips?.data[1]).toBeGreaterThan(0);
    await expect(open({ net: paths.net, lin: paths.net })).rejects.toMatchObject({
      code: 'ERR_SVGT2I_WEIGHTS_MISMATCH',
      message: expect.stringContaining('lin0.model.1.weight'),
    });
  });
});

describe('the file of the network', () => {
  const open = async (path: string) => {
    await using engine = await Engine.create({ device: 'cpu' });
    const { value } = await engine.run('measure-open', {
      inception: { path },
      metrics: ['fid'],
      spill: { bytes: 0, folder },
    });
    return value;
  };

  it('may be wrapped and hold the counters of batch norms', async () => {
    expect(await open(weights)).toMatchObject({
      inception: { path: weights, format: 'safetensors', batch: 16 },
    });
    const path = join(folder, 'wrapped.safetensors');
    const wrapped = Object.entries(inceptionTensors()).map(
      ([name, tensor]) => [`module.${name}`, tensor] as const,
    );
    const counter = { dtype: 'I64', shape: [], bytes: new Uint8Array(8) };
    writeSafetensors(path, {
      ...Object.fromEntries(wrapped),
      'module.Conv2d_1a_3x3.bn.num_batches_tracked': counter,
    });
    expect((await open(path)).remarks).toEqual([expect.stringContaining('"module." is taken off')]);
  });

  it('is refused where it is another one, saying what it is and which to take', async () => {
    const path = join(folder, 'other.safetensors');
    const tensors = inceptionTensors();
    const cut = (bytes: Uint8Array, size: number) => bytes.subarray(0, 4 * size);
    const published = expect.stringContaining('pt_inception-2015-12-05-6726825d.pth');
    const refused = { code: 'ERR_SVGT2I_WEIGHTS_MISMATCH', hint: published };
    const fc = { weight: tensors['fc.weight'], bias: tensors['fc.bias'] };
    if (fc.weight === undefined || fc.bias === undefined) throw new Error('no last layer');
    writeSafetensors(path, {
      ...tensors,
      'fc.weight': { ...fc.weight, shape: [1000, 2048], bytes: cut(fc.weight.bytes, 1000 * 2048) },
      'fc.bias': { ...fc.bias, shape: [1000], bytes: cut(fc.bias.bytes, 1000) },
    });
    await expect(open(path)).rejects.toMatchObject({
      ...refused,
      message: expect.stringMatching(
        /is an Inception v3 of 1000 classes, as torchvision has it; FID is defined by/,
      ),
    });
    const { 'Mixed_6b.branch7x7_2.bn.bias': _, ...without } = tensors;
    writeSafetensors(path, without);
    await expect(open(path)).rejects.toThrow(/Mixed_6b\.branch7x7_2\.bn\.bias/);
    writeSafetensors(path, { 'lin0.model.1.weight': { dtype: 'F32', shape: [1], bytes: new Uint8Array(4) } });
    await expect(open(path)).rejects.toMatchObject({
      ...refused,
      message: expect.stringContaining("is not FID's Inception v3: it is LPIPS perceptual metric"),
    });
    writeSafetensors(path, { 'a.weight': { dtype: 'F32', shape: [1], bytes: new Uint8Array(4) } });
    await expect(open(path)).rejects.toMatchObject(refused);
    const halves = { ...fc.bias, dtype: 'F16', bytes: fc.bias.bytes.subarray(0, 2 * 1008) };
    writeSafetensors(path, { ...tensors, 'fc.bias': halves });
    await expect(open(path)).rejects.toThrow(
      /"fc\.bias" is float16; distances are defined by the weights in float32/,
    );
  });

  it('is named by inspect', async () => {
    await using engine = await Engine.create({ device: 'cpu' });
    const { value } = await engine.run('inspect', { path: weights });
    expect(JSON.stringify(value)).toContain("FID's Inception v3 (1008 classes)");
  });
});
