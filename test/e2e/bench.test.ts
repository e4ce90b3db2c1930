import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from './cli.js';

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

  it.each([
    ['--rows', '('],
    ['--rows', 'nothing'],
    ['--repeats', '0'],
  ])('refuses %s %s', async (...flags) => {
    const { code, stderr } = await run(['bench', ...flags]);
    expect(code).toBe(2);
    expect(stderr).toContain('ERR_SVGT2I_USAGE');
  });
});
