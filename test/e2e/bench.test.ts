import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CountRow } from '../../dist/bench/count.js';
import type { BenchRow } from '../../dist/bench.js';
import { jsonLines, run } from './cli.js';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'svg-t2i-bench-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('svg-t2i bench', () => {
  it('prints a table and writes the rows, ours and plain agreeing', async () => {
    const json = join(folder, 'bench.json');
    const { code, stdout } = await run([
      'bench',
      '--rows',
      '^encoder-256-fp32$',
      '--repeats',
      '1',
      '--json',
      json,
    ]);
    expect(code).toBe(0);
    expect(stdout.toString()).toMatch(/^row +ours +plain +plain\/ours/m);
    const { rows } = JSON.parse(readFileSync(json, 'utf8')) as { rows: Record<string, number | string>[] };
    expect(rows).toMatchObject([{ name: 'encoder-256-fp32', unit: 's' }]);
    const { ours, plain, ratio, difference } = rows[0] as Record<string, number>;
    expect(ratio).toBeCloseTo((plain ?? 0) / (ours ?? 0), 6);
    expect(difference).toBeLessThan(1e-4);
  });

  it('prints one JSON object alone where --json has no file', async () => {
    const result = await run(['bench', '--rows', '^encoder-256-fp32$', '--repeats', '1', '--json']);
    expect(result.code).toBe(0);
    expect(jsonLines(result)).toMatchObject([
      { machine: { torch: expect.any(String) }, rows: [{ name: 'encoder-256-fp32' }] },
    ]);
  });

  it('counts what a step of the 2B has a GPU do, without one', async () => {
    const json = join(folder, 'count.json');
    const { code, stdout } = await run([
      'bench',
      '--count',
      '--verbose',
      '--rows',
      '^step-256',
      '--json',
      json,
    ]);
    expect(code).toBe(0);
    expect(stdout.toString()).toMatch(/^row +path +launches +products/m);
    expect(stdout.toString()).toMatch(/^step-256-128, ours +kind +launches/m);
    const { rows } = JSON.parse(readFileSync(json, 'utf8')) as { readonly rows: readonly CountRow[] };
    expect(rows.map(({ name }) => name)).toEqual(['step-256-128']);
    const { ours, plain, leastFlops } = rows[0] as CountRow;
    // The least holds a step's share of the modulation, which is computed for many steps at once before this one.
    expect((ours.productFlops + ours.attentionFlops) / leastFlops).toBeCloseTo(1, 3);
    expect(plain.productFlops).toBeGreaterThan(1.2 * ours.productFlops);
    expect(ours.passBytes).toBeLessThan(0.2 * plain.passBytes);
    expect(ours.operations.reduce((sum, one) => sum + one.launches, 0)).toBe(ours.launches + ours.hostReads);
  });

  it('tells rates of the network of FID', async () => {
    const json = join(folder, 'inception.json');
    const flags = ['--rows', '^eval-inception$', '--repeats', '1', '--json', json];
    const { code, stdout } = await run(['bench', ...flags]);
    expect(code).toBe(0);
    expect(stdout.toString()).toMatch(/^eval-inception +[\d.]+ images\/s +[\d.]+ images\/s/m);
    const { rows } = JSON.parse(readFileSync(json, 'utf8')) as { readonly rows: readonly BenchRow[] };
    expect(rows).toMatchObject([{ name: 'eval-inception', unit: 'images/s' }]);
    const { ours = 0, plain = 0, ratio, difference } = rows[0] ?? {};
    expect(ratio).toBeCloseTo(ours / plain, 6);
    expect(difference).toBeLessThan(1e-4);
  });

  it.each([
    ['/no/such/python', /--torch-fidelity \/no\/such\/python: .*ENOENT/],
    [process.execPath, /--torch-fidelity .*node/],
  ])('refuses %s as a Python that has torch-fidelity', async (python, message) => {
    const rows = ['--rows', '^eval-inception-torch-fidelity$'];
    const { code, stderr } = await run(['bench', ...rows, '--torch-fidelity', python]);
    expect([code, stderr]).toEqual([2, expect.stringMatching(message)]);
    expect(stderr).toContain('pip install torch torch-fidelity');
    expect((await run(['bench', ...rows])).stderr).toContain('no row matches');
  });

  it.each(['train-dit-128-live-fp32', 'train-autoencoder-64-fp32'])(
    'measures %s: the same losses as the plain path, and the time of each phase',
    async (name) => {
      const json = join(folder, 'training.json');
      const flags = ['--rows', `^${name}$`, '--repeats', '1', '--threads', '1', '--json', json];
      const { code, stdout, stderr } = await run(['bench', ...flags]);
      expect([code, stderr]).toEqual([0, expect.stringContaining(`${name}: `)]);
      expect(stdout.toString()).toMatch(/^a step of +path +images\/s +data +encode +gradients +update/m);
      const { rows } = JSON.parse(readFileSync(json, 'utf8')) as { readonly rows: readonly BenchRow[] };
      expect(rows.map((row) => row.name)).toEqual([name]);
      // From step to step the adaptive weight of the discriminator magnifies rounding.
      expect(rows[0]?.difference).toBeLessThan(2e-2);
      for (const side of [rows[0]?.training?.ours, rows[0]?.training?.plain]) {
        expect(side?.imagesPerSecond).toBeGreaterThan(0);
        expect(side?.milliseconds).toMatchObject({
          gradients: expect.any(Number),
          update: expect.any(Number),
        });
        expect(side?.dataShare).toBeLessThan(1);
      }
    },
    180_000,
  );

  it.each([
    ['--rows', '('],
    ['--rows', 'nothing'],
    ['--repeats', '0'],
    ['--count', '--rows', 'nothing'],
    ['--verbose', '--rows', '^step-256'],
    ['--device', 'cuda', '--rows', '^train-dit'],
    ['--device', 'cuda', '--torch-fidelity', 'python3'],
  ])('refuses %s %s', async (...flags) => {
    const { code, stderr } = await run(['bench', ...flags]);
    expect(code).toBe(2);
    expect(stderr).toContain('ERR_SVGT2I_USAGE');
  });
});
