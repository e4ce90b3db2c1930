// The class-conditional protocol from a trained model to its line of figures.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeImage } from '../../dist/image/encode.js';
import { readFileParameters } from '../../dist/image/parameters.js';
import { openNpz } from '../../dist/npz/read.js';
import { type NpzOutput, writeNpz } from '../../dist/npz/write.js';
import { writeInceptionWeights } from '../inception-weights.js';
import { jsonLines, run } from './cli.js';
import { makeWorkshop, type Workshop } from './training.js';

const config = fileURLToPath(new URL('../../configs/test/tiny-svg.yaml', import.meta.url));
let workshop: Workshop;
const inFolder = (...path: readonly string[]) => join(workshop.folder, ...path);

const COUNT = 7;
const SIDE = 64;

function noise(width: number, height: number, factor: number): Uint8Array {
  return Uint8Array.from({ length: width * height * 3 }, (_, i) => (i * factor + (i >> 5)) % 256);
}

function moments(mu: string, sigma: string, dimensions: number): readonly NpzOutput[] {
  const covariance = new Float64Array(dimensions ** 2);
  for (let i = 0; i < dimensions; i++) covariance[i * (dimensions + 1)] = 0.01;
  return [
    { name: mu, dtype: 'float32', shape: [dimensions], data: new Float32Array(dimensions).fill(0.1) },
    { name: sigma, dtype: 'float64', shape: [dimensions, dimensions], data: covariance },
  ];
}

beforeAll(async () => {
  workshop = await makeWorkshop();
  for (const [number, name] of ['cat', 'dog', 'fox'].entries()) {
    mkdirSync(inFolder('classes', name), { recursive: true });
    const data = noise(SIDE, SIDE, number + 2);
    const image = await encodeImage({ width: SIDE, height: SIDE, data }, { format: 'png' });
    writeFileSync(inFolder('classes', name, '0.png'), image);
  }
  const sets = `data.sets=${JSON.stringify([{ path: inFolder('classes') }])}`;
  const frozen = `frozen.pretrained=${workshop.pretrained}`;
  const values = [sets, frozen, 'threads=1', 'steps=2'].flatMap((value) => ['--set', value]);
  const trained = await run(['train', 'dit', '--config', config, ...values, '--run', inFolder('run')]);
  expect([trained.code, trained.stderr]).toEqual([0, expect.stringContaining('step 2/2')]);
  writeInceptionWeights(inFolder('inception.safetensors'));
  const pictures: NpzOutput = {
    name: 'arr_0',
    dtype: 'uint8',
    shape: [8, SIDE, SIDE, 3],
    data: noise(SIDE, SIDE * 8, 7),
  };
  await writeNpz(inFolder('reference.npz'), [
    pictures,
    ...moments('mu', 'sigma', 2048),
    ...moments('mu_s', 'sigma_s', 2023),
  ]);
  await writeNpz(inFolder('other-network.npz'), moments('mu', 'sigma', 64));
});
afterAll(() => rmSync(workshop.folder, { recursive: true }));

const figures = (out: string, ...more: readonly string[]) =>
  run([
    ...['eval', 'imagenet', '--pretrained', workshop.pretrained, '--dit', inFolder('run/export/dit-run')],
    ...['--reference', inFolder('reference.npz'), '--inception', inFolder('inception.safetensors')],
    ...['--count', String(COUNT), '--num-classes', '3', '--size', `${SIDE}x${SIDE}`, '--steps', '3'],
    ...['--threads', '1', '--workers', '1', '-o', inFolder(out), ...more],
  ]);

function picturesIn(out: string): readonly string[] {
  const folder = inFolder(out, 'images');
  return existsSync(folder) ? readdirSync(folder).sort() : [];
}

describe('eval imagenet', () => {
  it('draws, packs and measures, and says what the figures are of', async () => {
    const { code, stdout, stderr } = await figures('figures');
    expect([code, stderr]).toEqual([
      0,
      expect.stringContaining('7 pictures: published figures are of 50000'),
    ]);
    expect(stderr).toContain('7 is no multiple of 3 classes');
    expect(stdout.toString()).toMatch(
      /^dit-run\/.*: FID \d+\.\d\d, sFID \d+\.\d\d, IS \d+\.\d, precision [01]\.\d{3}, recall [01]\.\d{3} \| 7 pictures of 64x64, balanced classes, seed 0, euler, 3 steps, cfg 1\.5 \(cfg_star-1-0\), shift 0\.15, (fp32|bf16) \| ADM's protocol, reference\.npz$/m,
    );
    expect(picturesIn('figures')).toEqual(Array.from({ length: COUNT }, (_, i) => `00000${i}.png`));
    expect(readFileSync(inFolder('figures/classes.txt'), 'utf8')).toBe('0\n1\n2\n0\n1\n2\n0\n');
    expect(await readFileParameters(inFolder('figures/images/000004.png'))).toMatchObject({
      ...{ class: 1, seed: 4, steps: 3, solver: 'euler', shift: 0.15 },
      ...{ guidanceScale: 1.5, guidanceSchedule: 'cfg_star-1-0', guidanceMode: 'standard' },
    });
    await using samples = await openNpz(inFolder('figures/samples.npz'));
    expect((await samples.member('arr_0')).shape).toEqual([COUNT, SIDE, SIDE, 3]);
    expect((await samples.read('arr_1')).data).toEqual(BigInt64Array.from([0n, 1n, 2n, 0n, 1n, 2n, 0n]));
    expect(readFileSync(inFolder('figures/report.html'), 'utf8')).toContain('cfg 1.5 (cfg_star-1-0)');
    const check = await run(['eval', 'check', inFolder('figures/samples.npz'), '--as', 'adm-npz']);
    expect(check.code).toBe(0);
  });

  it('gives the numbers that eval images gives of the same files', async () => {
    const { fid, sfid, is, pr } = JSON.parse(readFileSync(inFolder('figures/results.json'), 'utf8'));
    const measured = await run([
      ...['eval', 'images', inFolder('figures/samples.npz'), inFolder('reference.npz'), '--json'],
      ...['--metrics', 'fid,sfid,is,pr', '--protocol', 'adm', '--threads', '1'],
      ...['--inception', inFolder('inception.safetensors')],
    ]);
    const result = jsonLines(measured).at(-1);
    expect(result).toMatchObject({ type: 'result', fid, sfid, is, pr });
    // The square of a mean's distance alone: 2048 features of 0.1 and a covariance of 0.01 are far from those of noise.
    expect(fid).toBeGreaterThan(1);
  });

  it('goes on where it was, longer and on two processes: what is there stays, the rest comes out the same', async () => {
    const before = readFileSync(inFolder('figures/images/000002.png'));
    rmSync(inFolder('figures/images/000002.png'));
    const more = ['--count', String(COUNT + 1), '--nproc', '2', '--json'];
    const again = jsonLines(await figures('figures', ...more)).at(-1);
    expect(again).toMatchObject({ type: 'result', kind: 'imagenet', count: 8, drawn: 2, kept: 6 });
    expect(readFileSync(inFolder('figures/images/000002.png')).equals(before)).toBe(true);
    expect(picturesIn('figures')).toHaveLength(COUNT + 1);
  });

  it.each([
    [['--steps', '4'], /holds another run: steps was 3 and is 4/],
    [['--inception', 'none.pth'], /cannot open none\.pth: No such file/],
    [['--reference', 'other-network.npz'], /mu has 64 dimensions, FID's Inception 2048/],
    [['--dit', 'dit-tiny', '-o', 'other'], /class: this model draws from text/],
    [['--guidance-schedule', 'sometimes'], /must be constant, late, linear/],
    [['--count', '3'], /pr: samples\.npz has 3 pictures, fewer than the 3 neighbours of one and itself/],
    [['--reference', 'figures/samples.npz'], /is the file that is read, and would be replaced/],
    [['--num-classes', '4', '--on-mismatch', 'redraw'], /this model has no class 3, it has 3/],
  ])('refuses %j', async (args, message) => {
    const before = picturesIn('figures');
    const given = args.map((arg) => (/\.npz$|^other$/.test(arg) ? inFolder(arg) : arg));
    const { code, stderr } = await figures('figures', ...given);
    expect([code === 0, stderr]).toEqual([false, expect.stringMatching(message)]);
    expect(picturesIn('figures')).toEqual(before);
  });
});
