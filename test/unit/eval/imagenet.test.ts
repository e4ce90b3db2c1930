import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PUBLISHED_SAMPLER } from '../../../lib/config/eval/imagenet.js';
import { settingsSchema } from '../../../lib/config/request.js';
import { removeDrawn } from '../../../lib/eval/generate/remove-drawn.js';
import { classAt } from '../../../lib/eval/imagenet/classes.js';
import { type FigureSubject, figureLine, samplerWords } from '../../../lib/eval/imagenet/figure-line.js';
import { unlikePublished, useOfReference } from '../../../lib/eval/imagenet/reference.js';
import { fileOf, indexOfFile } from '../../../lib/eval/imagenet/run-files.js';

describe('classAt', () => {
  it('draws each class as often, and all of them in every part of 5000 pictures', () => {
    const classes = Array.from({ length: 50_000 }, (_, index) =>
      classAt(index, { classes: 'balanced', numClasses: 1000, seed: 7 }),
    );
    const counts = new Map<number, number>();
    for (const number of classes) counts.set(number, (counts.get(number) ?? 0) + 1);
    expect([counts.size, new Set(counts.values())]).toEqual([1000, new Set([50])]);
    expect(new Set(classes.slice(5000, 10_000)).size).toBe(1000);
  });

  it('draws random ones evenly from the seed, the same whoever asks', () => {
    const draw = (seed: number) =>
      Array.from({ length: 10_000 }, (_, index) =>
        classAt(index, { classes: 'random', numClasses: 10, seed }),
      );
    const first = draw(3);
    expect(first).toEqual(draw(3));
    expect(first).not.toEqual(draw(4));
    const counts = Array.from({ length: 10 }, (_, number) => first.filter((one) => one === number).length);
    // 1000 each; five standard deviations are 150.
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(150);
  });
});

describe('useOfReference', () => {
  const moments = (dimensions: number) => ({
    mu: new Float64Array(dimensions),
    sigma: new Float64Array(0),
  });
  const name = 'ref.npz';
  const pool = moments(2048);
  const both = { ...pool, spatial: moments(2023) };

  it.each([
    [{ hasPictures: true, statistics: both }, ['fid', 'sfid', 'is', 'pr'], []],
    [
      { hasPictures: false, statistics: both },
      ['fid', 'sfid', 'is'],
      ['ref.npz has no pictures (arr_0): precision and recall are left out'],
    ],
    [
      { hasPictures: false, statistics: pool },
      ['fid', 'is'],
      [
        'ref.npz has no mu_s and sigma_s: sFID is left out',
        'ref.npz has no pictures (arr_0): precision and recall are left out',
      ],
    ],
    [
      { hasPictures: true, statistics: pool },
      ['fid', 'sfid', 'is', 'pr'],
      ['ref.npz has no mu_s and sigma_s: sFID is taken of its pictures'],
    ],
    [
      { hasPictures: true, statistics: undefined },
      ['fid', 'sfid', 'is', 'pr'],
      ['ref.npz has no mu and sigma: they are taken of its pictures'],
    ],
  ])('says what it serves (%#)', (reference, metrics, warnings) => {
    expect(useOfReference({ name, ...reference })).toEqual({ metrics, warnings });
  });

  it('refuses statistics of another network', () => {
    expect(() => useOfReference({ name, hasPictures: false, statistics: moments(64) })).toThrow(
      "ref.npz: mu has 64 dimensions, FID's Inception 2048",
    );
    const spatial = { ...pool, spatial: moments(2048) };
    expect(() => useOfReference({ name, hasPictures: false, statistics: spatial })).toThrow(
      "ref.npz: mu_s has 2048 dimensions, FID's Inception 2023",
    );
  });

  it('says what published figures are not of', () => {
    expect(unlikePublished({ count: 50_000, classes: 'balanced', numClasses: 1000 })).toEqual([]);
    expect(unlikePublished({ count: 2500, classes: 'balanced', numClasses: 1000 })).toEqual([
      '2500 pictures: published figures are of 50000, and fewer pictures give a higher FID',
      '2500 is no multiple of 1000 classes: some are drawn once more than others',
    ]);
    expect(unlikePublished({ count: 60_001, classes: 'random', numClasses: 1000 })).toHaveLength(1);
  });
});

describe('figureLine', () => {
  const subject: FigureSubject = {
    model: 'svg/V1-SVG-XL.pt',
    sample: settingsSchema.parse(PUBLISHED_SAMPLER),
    seed: 0,
    count: 50_000,
    classes: 'balanced',
    dtype: 'fp32',
    reference: 'VIRTUAL_imagenet256_labeled.npz',
    weak: false,
  };

  it('has the figures and all that decides them', () => {
    const metrics = {
      fid: 3.536,
      sfid: 5.114,
      is: { mean: 207.62, std: 1 },
      pr: { precision: 0.79, recall: 0.5804, fScore: 0.67 },
    };
    expect(figureLine(subject, metrics)).toBe(
      "svg/V1-SVG-XL.pt: FID 3.54, sFID 5.11, IS 207.6, precision 0.790, recall 0.580 | 50,000 pictures of 256x256, balanced classes, seed 0, euler, 25 steps, cfg 1.5 (cfg_star-1-0), shift 0.15, fp32 | ADM's protocol, VIRTUAL_imagenet256_labeled.npz",
    );
    expect(figureLine({ ...subject, count: 999 }, { fid: 12 })).toMatch(
      /^svg\/V1-SVG-XL.pt: FID 12.00 \| 999 pictures/,
    );
  });

  it.each([
    [{ guidanceScale: 1 }, 'euler, 25 steps, no cfg, shift 0.15'],
    [
      { guidanceSchedule: 'constant', guidanceMode: 'renorm', renorm: 1, guidanceUntil: 0.8 } as const,
      'euler, 25 steps, cfg 1.5 (constant, renorm 1, t in 0 to 0.8), shift 0.15',
    ],
    [
      { solver: 'dopri5', atol: 1e-6, rtol: 1e-3 } as const,
      'dopri5, atol 0.000001, rtol 0.001, cfg 1.5 (cfg_star-1-0)',
    ],
    [
      { solver: 'dpm++', order: 2, method: 'multistep' } as const,
      'dpm++ multistep of order 2, 25 steps, cfg 1.5 (cfg_star-1-0), shift 0.15',
    ],
  ])('gives the sampler in words (%#)', (settings, words) => {
    expect(samplerWords({ sample: { ...subject.sample, ...settings }, weak: false })).toBe(words);
  });

  it('tells autoguidance from guidance away from none', () => {
    expect(samplerWords({ ...subject, weak: true })).toContain('autoguidance 1.5');
  });
});

describe('files of a run', () => {
  it('are numbered so that their names sort', () => {
    expect([fileOf(0), fileOf(49_999), fileOf(1_000_000)]).toEqual([
      '000000.png',
      '049999.png',
      '1000000.png',
    ]);
    const names = ['000007.png', '1000000.png', '0000007.png', '7.png', '000007.png.part', 'run.json'];
    expect(names.map(indexOfFile)).toEqual([7, 1_000_000, -1, -1, -1, -1]);
  });

  it('of a longer run go where all is drawn anew, and nothing else does', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'svg-t2i-longer-'));
    for (const name of ['000000.png', '000001.png', '000002.png', 'notes.txt'])
      writeFileSync(join(folder, name), '');
    const files = [{ path: '000000.png', pictures: [0] }];
    const isOfLongerRun = (name: string) => indexOfFile(name) >= 2;
    await removeDrawn({ out: join(folder, '..'), folder, files, isOfLongerRun }, { signal: undefined });
    expect(readdirSync(folder).sort()).toEqual(['000001.png', 'notes.txt']);
    const none = { out: folder, folder: join(folder, 'none'), files: [], isOfLongerRun: () => true };
    await removeDrawn(none, { signal: undefined });
    rmSync(folder, { recursive: true });
  });
});
