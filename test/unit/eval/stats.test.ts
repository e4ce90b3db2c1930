/** `eval stats`: what lies in the file, and who may be held against it. */
import { join } from 'node:path';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { EvaluateEvent } from '../../../lib/eval/events.js';
import { readStatistics } from '../../../lib/eval/npz-statistics.js';
import { readProvenance } from '../../../lib/eval/provenance.js';
import { openNpz } from '../../../lib/npz/read.js';
import { PACKAGE_VERSION } from '../../../lib/version.js';
import { calls, resetEngine } from './measuring-engine.js';
import { folder, useFolder, writePicture, writeSamples, writeSet } from './pictures.js';

vi.mock('../../../lib/engine.js', async () => ({ Engine: (await import('./measuring-engine.js')).Engine }));
vi.mock('../../../lib/data/image-pool.js', async () => ({
  ImagePool: (await import('./pool.js')).ImagePool,
}));
// Tiny statistics stand for those of Inception.
vi.mock('../../../lib/eval/statistics-fit.js', async (original) => ({
  ...(await original<object>()),
  checkWidths: () => undefined,
}));

const { evaluateStats } = await import('../../../lib/eval/stats.js');
const { evaluateImages } = await import('../../../lib/eval/images.js');

useFolder();
beforeEach(resetEngine);

const inception = 'inception.pth';
const out = (name: string) => join(folder, name);

describe('the file', () => {
  it('has what others read by name, and says of which pictures it is', async () => {
    const set = await writeSet('three', [10, 20, 30]);
    const result = await evaluateStats({ set, inception, out: out('three.npz'), resolution: 8 });
    expect(result).toMatchObject({
      kind: 'stats',
      path: out('three.npz'),
      dimensions: 1,
      set: { pictures: 3, unreadable: 0, sizes: ['8x8'] },
    });
    await using file = await openNpz(out('three.npz'));
    expect(file.names).toEqual(['mu', 'sigma', 'mu_s', 'sigma_s', 'count', 'provenance']);
    expect(await readStatistics(file)).toEqual({
      mu: Float64Array.of(20),
      sigma: Float64Array.of(100),
      spatial: { mu: Float64Array.of(20), sigma: Float64Array.of(100) },
      count: 3,
    });
    expect(await readProvenance(file)).toEqual({
      writer: `svg-t2i ${PACKAGE_VERSION}`,
      sizes: ['8x8'],
      reading: "ADM's crop 8, as stored, alpha dropped",
      fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
  });

  it('is a reference of eval images, with its number of pictures and their size', async () => {
    const set = await writeSet('pair', [10, 30]);
    await evaluateStats({ set, inception, out: out('pair.npz') });
    const { fid, reference, warnings } = await evaluateImages({
      set: await writeSet('wide', [10, 30], { width: 32, height: 32 }),
      reference: out('pair.npz'),
      inception,
    });
    expect(fid).toBe(0);
    expect(reference).toMatchObject({ pictures: 2, sizes: [] });
    expect(warnings).toContainEqual(expect.stringContaining('32x32'));
    expect(warnings.join('\n')).toMatch(/pair\.npz: 16x16: a reference of another resolution/);
  });

  it('differs for other names, other pixels and another crop, and only then', async () => {
    const fingerprint = async (set: string, more: object = {}) => {
      await evaluateStats({ set, inception, out: out('any.npz'), ...more });
      await using file = await openNpz(out('any.npz'));
      return (await readProvenance(file))?.fingerprint;
    };
    const set = await writeSet('same', [1, 2]);
    const first = await fingerprint(set);
    expect(await fingerprint(await writeSet('copy', [1, 2]))).toBe(first);
    expect(await fingerprint(await writeSet('pixels', [3, 2]))).not.toBe(first);
    expect(await fingerprint(await writeSet('more', [1, 2, 3]))).not.toBe(first);
    expect(await fingerprint(set, { resolution: 16 })).not.toBe(first);
  });

  it('leaves the spatial features out where nobody wants them', async () => {
    await evaluateStats({
      set: await writeSet('plain', [1, 2]),
      inception,
      out: out('plain.npz'),
      spatial: false,
    });
    const opened = calls.find(({ kind }) => kind === 'measure-open');
    expect(opened?.request).toMatchObject({ metrics: ['fid'] });
  });
});

describe('refuses', () => {
  it('to replace the pictures that it reads, by whatever path', async () => {
    const set = await writeSamples('source.npz', [1, 2]);
    const { symlinkSync } = await import('node:fs');
    symlinkSync(set, out('link.npz'));
    for (const own of [
      set,
      out('link.npz'),
      join(folder, '..', folder.split('/').at(-1) as string, 'source.npz'),
    ]) {
      await expect(evaluateStats({ set, inception, out: own })).rejects.toThrow(
        'is the file that is read, and would be replaced',
      );
    }
    expect(calls).toEqual([]);
  });

  it.each([
    ['statistics', 'holds statistics already, and no pictures'],
    ['one picture', 'has 1 picture; a covariance needs 2'],
    ['no npz', 'must end in .npz'],
    ['no network', "fid, sfid: the weights of FID's Inception are not given"],
  ])('%s', async (what, message) => {
    const set =
      what === 'statistics'
        ? await writeSamples('known.npz', undefined, { mean: 1, variance: 1 })
        : what === 'one picture'
          ? join(await writePicture('single/1.png', 1), '..')
          : await writeSet('two', [1, 2]);
    const request = {
      set,
      out: out(what === 'no npz' ? 'stats.pt' : 'refused.npz'),
      ...(what === 'no network' ? {} : { inception }),
    };
    await expect(evaluateStats(request)).rejects.toThrow(message);
    expect(calls).toEqual([]);
  });
});

it('warns of few pictures, and of what lies beside them', async () => {
  const set = await writeSet('beside', [1, 2]);
  const { writeFileSync } = await import('node:fs');
  writeFileSync(join(set, 'notes.txt'), '');
  const events: EvaluateEvent[] = [];
  const { warnings } = await evaluateStats(
    { set, inception, out: out('beside.npz') },
    { onEvent: (event) => events.push(event) },
  );
  expect(warnings).toEqual([
    expect.stringContaining('1 other file passed over (1 .txt)'),
    expect.stringContaining('of 2 pictures, fewer than the 2048 dimensions'),
  ]);
  expect(events.filter(({ type }) => type === 'warning')).toHaveLength(2);
});
