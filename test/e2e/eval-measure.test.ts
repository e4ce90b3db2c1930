/** `svg-t2i eval images`, `stats` and `reconstruct` as one types them, with a whole Inception of random weights. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { psnr, readImage } from '../../dist/index.js';
import { openNpz } from '../../dist/npz/read.js';
import { writeTinyRelease } from '../../dist/release/tiny-release.js';
import { writeInceptionWeights } from '../inception-weights.js';
import { jsonLines, type RunOptions, run as runCli } from './cli.js';

let folder: string;
let inception: string;
const at = (...parts: string[]) => join(folder, ...parts);
/** Where nothing else is said, reports go below the working folder. */
const run = (args: readonly string[], options: RunOptions = {}) => runCli(args, { cwd: folder, ...options });

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'svg-measure-'));
  inception = at('inception.pth');
  await writeInceptionWeights(inception);
  for (const [set, shift] of [
    ['a', 0],
    ['b', 9],
  ] as const) {
    mkdirSync(at(set, 'deep'), { recursive: true });
    for (let i = 0; i < 6; i++) {
      await sharp(noise(48, 40, i, shift), { raw: { width: 48, height: 40, channels: 3 } })
        .png()
        .toFile(at(set, i < 3 ? `${i}.png` : `deep/${i}.png`));
    }
  }
}, 300_000);
afterAll(() => rmSync(folder, { recursive: true }));

/** A picture of its own for each seed, shifted in level. */
function noise(width: number, height: number, seed: number, shift: number): Uint8Array {
  return Uint8Array.from({ length: width * height * 3 }, (_, i) => (((i * (seed + 3)) >> 2) % 200) + shift);
}

/** Of a against b, as the first test measured it. */
let measuredFid = 0;

const result = (lines: readonly Record<string, unknown>[]) => lines.at(-1) ?? {};

describe('images', () => {
  it('measures sets and pairs in one pass, and writes a report', async () => {
    const args = ['eval', 'images', at('a'), at('b'), '--metrics', 'fid,kid,is,pr,psnr,ssim', '--json'];
    const how = ['--inception', inception, '--kid-subset-size', '4', '--splits', '2', '--device', 'cpu'];
    const finished = await run([...args, ...how, '-o', at('report')]);
    expect(finished.stderr).toBe('');
    expect(finished.code).toBe(0);
    const lines = jsonLines(finished);
    expect(lines.some(({ type, done, total }) => type === 'progress' && done === 6 && total === 6)).toBe(
      true,
    );
    const measured = result(lines);
    expect(measured).toMatchObject({
      type: 'result',
      kind: 'images',
      set: { pictures: 6, unreadable: 0, sizes: ['48x40'] },
      pr: { precision: expect.any(Number) },
    });
    expect(measured.fid).toBeGreaterThan(0);
    measuredFid = Number(measured.fid);
    const one = psnr(await readImage(at('a', '0.png')), await readImage(at('b', '0.png')));
    const written = readFileSync(at('report', 'pairs.jsonl'), 'utf8').trim().split('\n');
    expect(written).toHaveLength(6);
    const first = JSON.parse(written[0] as string);
    expect(first).toMatchObject({ name: '0.png', width: 48, height: 40 });
    expect(first.psnr).toBeCloseTo(one, 9);
    expect(JSON.parse(readFileSync(at('report', 'results.json'), 'utf8')).fid).toBe(measured.fid);
    expect(readFileSync(at('report', 'report.html'), 'utf8')).toContain('All, best PSNR first');
  });

  it('prints tables for people, and remarks beside them', async () => {
    const finished = await run(['eval', 'images', at('a'), at('b'), '--metrics', 'psnr,ssim']);
    expect(finished.code).toBe(0);
    expect(finished.stdout.toString()).toMatch(
      /^metric +mean +95 % of the mean +median +deviation +pairs\nPSNR .* dB .*\nSSIM /,
    );
  });

  it('gives the same of the same pictures, however they are stored', async () => {
    const fid = async (set: string, reference: string) => {
      const finished = await run(['eval', 'images', set, reference, '--inception', inception, '--json']);
      expect(finished.code).toBe(0);
      return Number(result(jsonLines(finished)).fid);
    };
    expect((await run(['eval', 'pack', at('a'), '-o', at('a.npz')])).code).toBe(0);
    const stats = await run(['eval', 'stats', at('b'), '-o', at('b.npz'), '--inception', inception]);
    expect(stats.code).toBe(0);
    expect(stats.stdout.toString()).toBe(
      `${at('b.npz')}: mean and covariance of 2048 features of 6 pictures\n`,
    );
    expect(stats.stderr).toContain('of 6 pictures, fewer than the 2048 dimensions');
    await using file = await openNpz(at('b.npz'));
    expect(file.names).toEqual(['mu', 'sigma', 'mu_s', 'sigma_s', 'count', 'provenance']);
    expect((await file.member('sigma_s')).shape).toEqual([2023, 2023]);
    const backwards = [5, 4, 3, 2, 1, 0].map((i) => ({ path: i < 3 ? `a/${i}.png` : `a/deep/${i}.png` }));
    writeFileSync(at('a.jsonl'), backwards.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
    for (const set of [at('a.npz'), at('a.jsonl')]) {
      expect(Math.abs((await fid(set, at('b.npz'))) / measuredFid - 1)).toBeLessThan(1e-6);
    }
    const own = await fid(at('b.npz'), at('b.npz'));
    expect(Math.abs(own)).toBeLessThan(1e-6 * measuredFid);
  });

  it.each([
    [['A', 'B'], 4, "fid: the weights of FID's Inception are not given"],
    [
      ['A', 'stats', '--metrics', 'fid,kid', '--kid-subset-size', '2', '--inception', 'I'],
      2,
      'kid: .*b.npz holds statistics alone',
    ],
    [['A', 'B', '--metrics', 'fids', '--inception', 'I'], 2, '--metrics'],
    [['A', '--metrics', 'psnr'], 2, 'psnr: there is nothing to compare'],
    [['--metrics', 'psnr'], 2, 'A, the pictures that are judged, is missing'],
    [['A', 'B', '--inception', 'nowhere.pth'], 1, 'nowhere.pth'],
    [['A', 'B', '--inception', 'stats'], 1, 'b.npz'],
  ] as const)('refuses %j', async (words, code, message) => {
    const places: Record<string, string> = { A: at('a'), B: at('b'), I: inception, stats: at('b.npz') };
    const finished = await run(['eval', 'images', ...words.map((word) => places[word] ?? word)]);
    expect(finished.stderr).toMatch(new RegExp(message));
    expect(finished.code).toBe(code);
  });

  it('names an unreadable picture, and ends with an error unless it is allowed', async () => {
    mkdirSync(at('torn'));
    for (let i = 0; i < 3; i++) writeFileSync(at('torn', `${i}.png`), readFileSync(at('a', `${i}.png`)));
    writeFileSync(at('torn', '1.png'), readFileSync(at('a', '1.png')).subarray(0, 200));
    mkdirSync(at('untorn'));
    for (let i = 0; i < 3; i++) writeFileSync(at('untorn', `${i}.png`), readFileSync(at('a', `${i}.png`)));
    const args = ['eval', 'images', at('torn'), at('untorn'), '--metrics', 'psnr'];
    const refused = await run(args);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/left out: .*1\.png/);
    expect(refused.stderr).toContain('1 of 3 pairs');
    const allowed = await run([...args, '--max-bad-share', '0.4']);
    expect(allowed.code).toBe(0);
  });

  it('reads its settings from a file, and prints them', async () => {
    writeFileSync(at('images.yaml'), 'images:\n  set: a\n  reference: b\n  metrics: [psnr]\n');
    const printed = await run([
      'eval',
      'images',
      '--config',
      at('images.yaml'),
      '--set',
      'images.seed=7',
      '--print-config',
    ]);
    expect(printed.stdout.toString()).toContain(`set: ${at('a')}`);
    expect(printed.stdout.toString()).toContain('seed: 7');
    const finished = await run(['eval', 'images', '--config', at('images.yaml'), '--json']);
    expect(result(jsonLines(finished))).toMatchObject({ pairs: { psnr: { count: 6 } } });
    writeFileSync(at('part.yaml'), 'images:\n  metrics: [psnr]\n');
    expect((await run(['eval', 'images', at('a'), at('b'), '--config', at('part.yaml')])).code).toBe(0);
    writeFileSync(at('wrong.yaml'), 'images:\n  set: a\n  metric: [psnr]\n');
    const wrong = await run(['eval', 'images', '--config', at('wrong.yaml')]);
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toMatch(/metric.*\n.*metrics/);
  });

  it('ends with 130 after Ctrl-C', async () => {
    let sent = false;
    const finished = await run(['eval', 'images', at('a'), at('b'), '--inception', inception, '--json'], {
      watch: (child, stdout) => {
        if (sent || !stdout.includes('"progress"')) return;
        sent = true;
        child.kill('SIGINT');
      },
    });
    expect(finished.code).toBe(130);
  });
});

describe('reconstruct', () => {
  beforeAll(async () => writeTinyRelease(at('tiny'), 3), 300_000);

  it('measures an autoencoder against its own crops, alone and with a stored reference', async () => {
    const args = [
      'eval',
      'reconstruct',
      '--data',
      at('a'),
      '--pretrained',
      at('tiny'),
      '--resolution',
      '32',
      '--json',
    ];
    const networks = ['--inception', inception, '--device', 'cpu', '--dtype', 'fp32'];
    const finished = await run([...args, ...networks, '-o', at('rebuilt'), '--keep-pictures']);
    expect(finished.stderr).toBe('');
    expect(finished.code).toBe(0);
    const measured = result(jsonLines(finished)) as unknown as {
      fid: number;
      pairs: { psnr: { mean: number; count: number } };
    };
    expect(measured.pairs.psnr.count).toBe(6);
    // What was kept is what was measured.
    const kept = await readImage(at('rebuilt', 'reconstructions', 'deep', '3.png'));
    expect([kept.width, kept.height]).toEqual([32, 32]);
    const fid = await run([
      'eval',
      'images',
      at('rebuilt', 'reconstructions'),
      at('a'),
      '--resolution',
      '32',
      '--inception',
      inception,
      '--json',
    ]);
    expect(Math.abs(Number(result(jsonLines(fid)).fid) / measured.fid - 1)).toBeLessThan(1e-6);
    const stats = [
      'eval',
      'stats',
      at('a'),
      '--resolution',
      '32',
      '--inception',
      inception,
      '-o',
      at('a32.npz'),
    ];
    expect((await run(stats)).code).toBe(0);
    const against = await run([...args, ...networks, '--metrics', 'fid', '--reference', at('a32.npz')]);
    expect(against.code).toBe(0);
    expect(Math.abs(Number(result(jsonLines(against)).fid) / measured.fid - 1)).toBeLessThan(1e-6);
    const other = await run([...args, ...networks, '--metrics', 'fid', '--reference', at('b.npz')]);
    expect(other.code).toBe(2);
    expect(other.stderr).toContain('is no reference for');
  });

  it('refuses a resolution between cells before anything is loaded', async () => {
    const args = ['eval', 'reconstruct', '--data', at('a'), '--pretrained', at('tiny')];
    const finished = await run([...args, '--resolution', '33']);
    expect(finished.code).toBe(2);
    expect(finished.stderr).toContain('resolution 33: must be a multiple of 16');
  });
});
