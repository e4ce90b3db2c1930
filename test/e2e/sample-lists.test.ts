/** Lists of prompts from the command line: what a second run takes over, the manifest, grids, pictures that fail. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readParameters } from '../../dist/index.js';
import { writeTinyRelease } from '../../dist/release/tiny-release.js';
import { jsonLines, type RunOptions, run } from './cli.js';

let root: string;
let folder: string;
let runs = 0;
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'svg-lists-'));
  await writeTinyRelease(join(root, 'pre-trained'), 7);
}, 120_000);
afterAll(() => rmSync(root, { recursive: true }));
beforeEach(() => {
  folder = join(root, `run-${runs++}`);
  mkdirSync(folder);
  writeFileSync(join(folder, 'p.txt'), 'a\nb\nc\nd\n');
});

const settings = ['--pretrained', '../pre-trained', '--device', 'cpu', '--size', '32x32', '--steps', '2'];
const sample = (args: readonly string[], options: RunOptions = {}) =>
  run(['sample', ...settings, ...args], { cwd: folder, ...options });
const list = ['--prompts', 'p.txt', '-o', 'm'];
const again = [...list, '--skip-existing', '--manifest', 'm/all.jsonl'];
const path = (...parts: readonly string[]) => join(folder, ...parts);
const picture = (index: number) => path('m', `000${index}-seed${index}.png`);
const manifest = () => readFileSync(path('m/all.jsonl'), 'utf8');

function lines(): { readonly index: number; readonly file: string; readonly prompt: string }[] {
  const text = manifest();
  expect(text.endsWith('\n')).toBe(true);
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as ReturnType<typeof lines>[number]);
}

const paramsOf = async (file: string) => (await readParameters(readFileSync(file))) ?? {};

describe('--manifest', () => {
  it('is whole after whatever ended the run before', async () => {
    expect((await sample(again)).code).toBe(0);
    const whole = manifest();
    expect(lines().map(({ index, prompt }) => [index, prompt])).toEqual([
      [0, 'a'],
      [1, 'b'],
      [2, 'c'],
      [3, 'd'],
    ]);

    // Killed in the middle of a line, with the last pictures not drawn.
    writeFileSync(path('m/all.jsonl'), whole.slice(0, whole.indexOf('\n', whole.indexOf('\n') + 1) + 60));
    for (const index of [2, 3]) rmSync(picture(index));
    const torn = await sample(again);
    expect(torn.stderr).toContain('m/all.jsonl: 1 line(s) were torn');
    expect(manifest()).toBe(whole);

    // Killed between a picture and its line.
    writeFileSync(path('m/all.jsonl'), whole.slice(0, whole.indexOf('\n') + 1));
    await sample(again);
    expect(manifest()).toBe(whole);

    // Lost, or wished for later.
    rmSync(path('m/all.jsonl'));
    await sample(again);
    expect(manifest()).toBe(whole);

    // Drawn again.
    rmSync(picture(1));
    await sample(again);
    expect(manifest()).toBe(whole);
  });

  it('tells the truth about a picture that was drawn anew, also where a kill took its line', async () => {
    await sample(again);
    const old = manifest();
    writeFileSync(path('p.txt'), 'a\nnew\nc\nd\n');
    await sample(again);
    expect(lines().map(({ prompt }) => prompt)).toEqual(['a', 'new', 'c', 'd']);
    writeFileSync(path('m/all.jsonl'), old);
    await sample(again);
    expect(lines().map(({ prompt }) => prompt)).toEqual(['a', 'new', 'c', 'd']);
  });

  it('keeps the lines of other runs beside those of this one, and begins anew without --skip-existing', async () => {
    await sample(again);
    await sample([...again, '-o', 'other', '--seed', '40', '--prompts', 'p.txt']);
    expect(lines().map(({ index }) => index)).toEqual([0, 0, 1, 1, 2, 2, 3, 3]);
    expect(new Set(lines().map(({ file }) => file)).size).toBe(8);
    await sample([...list, '--manifest', 'm/all.jsonl']);
    expect(lines().map(({ file }) => file)).toEqual([0, 1, 2, 3].map((i) => `000${i}-seed${i}.png`));
  });
});

describe('--skip-existing', () => {
  const skip = [...list, '--skip-existing'];

  it('draws anew what is there under another prompt or with other settings, and says so', async () => {
    await sample(list);
    const untouched = statSync(picture(2)).mtimeMs;
    writeFileSync(path('p.txt'), 'a\nanother\nc\nd\n');
    const { code, stderr, stdout } = await sample(skip);
    expect(code).toBe(0);
    expect(stderr).toContain('m/0001-seed1.png was drawn with another prompt, and is drawn again');
    expect(stdout.toString()).toBe('m/0001-seed1.png\n');
    expect(await paramsOf(picture(1))).toMatchObject({ prompt: 'another' });
    expect(statSync(picture(2)).mtimeMs).toBe(untouched);

    const events = jsonLines(await sample([...skip, '--guidance', '2', '--json']));
    expect(events.filter(({ type }) => type === 'mismatch')).toHaveLength(4);
    expect(events.find(({ type }) => type === 'mismatch')).toMatchObject({
      index: 0,
      file: 'm/0000-seed0.png',
      differs: ['guidanceScale'],
      isDrawnAgain: true,
    });
    expect(events.at(-1)).toMatchObject({ type: 'done', images: 4 });
  });

  it('keeps it, or refuses before anything is loaded, by a flag', async () => {
    await sample(list);
    const kept = await sample([...skip, '--steps', '3', '--on-mismatch', 'keep']);
    expect(kept).toMatchObject({ code: 0, stderr: expect.stringContaining('another steps, and is kept') });
    expect(await paramsOf(picture(0))).toMatchObject({ steps: 2 });
    const refused = await sample([...skip, '--steps', '3', '--on-mismatch', 'refuse', '--json']);
    expect(refused.code).toBe(2);
    expect(jsonLines(refused)).toMatchObject([
      { type: 'error', code: 'ERR_SVGT2I_USAGE', message: expect.stringContaining('4 picture(s)') },
    ]);
  });

  it('tells pictures apart whose attention scores were capped, whoever said so', async () => {
    const one = ['a', '-o', 'a.png', '--skip-existing', '--on-mismatch', 'keep'];
    await sample(one);
    expect((await sample(one)).stderr).not.toContain('attentionSoftCap');
    const other = 'a.png was drawn with another attentionSoftCap, and is kept';
    expect((await sample([...one, '--attention-soft-cap'])).stderr).toContain(other);
    const defaults = join(root, 'pre-trained', 'defaults.yaml');
    writeFileSync(defaults, 'attentionSoftCap: true\n');
    const ofRelease = await sample(one);
    rmSync(defaults);
    expect(ofRelease.stderr).toContain(other);
  });

  it('does not take a picture of other noise for the one of a seed mode', async () => {
    const same = [...skip, '--seed-mode', 'same'];
    expect((await sample(same)).stdout.toString()).toContain('m/0003-seed0.png');
    expect((await sample(same)).stdout.toString()).toBe('');
  });
});

describe('--grid', () => {
  const grid = ['a', '--count', '3', '-o', 'm', '--grid', '--skip-existing'];

  it('is made of what lies there, and named where it was written', async () => {
    await sample(['a', '--count', '3', '-o', 'm']);
    const late = jsonLines(await sample([...grid, '--json']));
    expect(late.at(-1)).toEqual({ type: 'done', images: 0, files: ['m/grid.png'] });
    const bytes = readFileSync(path('m/grid.png'));

    const unchanged = await sample(grid);
    expect([unchanged.code, unchanged.stdout.toString()]).toEqual([0, '']);

    rmSync(path('m/grid.png'));
    rmSync(picture(0));
    const first = await sample(grid);
    expect(first.stdout.toString()).toBe('m/0000-seed0.png\nm/grid.png\n');
    expect(readFileSync(path('m/grid.png'))).toEqual(bytes);
  });

  it('follows pictures that were drawn anew, and carries the parameters of all', async () => {
    await sample(grid);
    // As where a kill came between the last picture and its grid.
    await sample(['b', '--count', '3', '-o', 'm']);
    expect((await sample(['b', ...grid.slice(1)])).stdout.toString()).toBe('m/grid.png\n');
    expect(await paramsOf(path('m/grid.png'))).toMatchObject({
      prompt: 'b',
      steps: 2,
      pictures: [{ seed: 0 }, { seed: 1 }, { seed: 2 }],
    });
  });
});

it('a grid that cannot be written is named, and the pictures are there', async () => {
  mkdirSync(path('m/grid.png'), { recursive: true });
  const { code, stdout, stderr } = await sample(['a', '--count', '2', '-o', 'm', '--grid']);
  expect([code, stdout.toString()]).toEqual([1, 'm/0000-seed0.png\nm/0001-seed1.png\n']);
  expect(stderr).toContain('a grid is missing: cannot write m/grid.png');
  expect(stderr).toContain('1 grid(s) could not be written');
});

describe('a picture that cannot be written', () => {
  it('is named, the others are drawn, and the exit code is not 0', async () => {
    mkdirSync(path('m/0001-seed1.png'), { recursive: true });
    const { code, stdout, stderr } = await sample([...list, '--manifest', 'm/all.jsonl']);
    expect(code).toBe(1);
    expect(stderr).toContain('m/0001-seed1.png ("b") was not drawn: cannot write');
    expect(stderr).toContain('1 of 4 pictures could not be drawn');
    expect(stderr).toContain('ERR_SVGT2I_INCOMPLETE');
    expect(stdout.toString().trim().split('\n')).toEqual(
      [0, 2, 3].map((index) => `m/000${index}-seed${index}.png`),
    );
    expect(lines().map(({ index }) => index)).toEqual([0, 2, 3]);

    rmSync(path('m/0001-seed1.png'), { recursive: true });
    expect((await sample(again)).code).toBe(0);
    expect(lines().map(({ index }) => index)).toEqual([0, 1, 2, 3]);
  });

  it('is an event of --json, and the grid is made of the others', async () => {
    mkdirSync(path('m/0001-seed1.png'), { recursive: true });
    const result = await sample(['a', '--count', '3', '-o', 'm', '--grid', '--json']);
    const events = jsonLines(result);
    expect(events.find(({ type }) => type === 'failed')).toMatchObject({
      index: 1,
      file: 'm/0001-seed1.png',
      seed: 1,
      prompt: 'a',
      code: 'ERR_SVGT2I_IO',
    });
    expect(events.slice(-2)).toMatchObject([
      { type: 'done', images: 2, failed: 1, files: ['m/0000-seed0.png', 'm/0002-seed2.png', 'm/grid.png'] },
      { type: 'error', code: 'ERR_SVGT2I_INCOMPLETE' },
    ]);
    expect(result.code).toBe(1);
  });

  it('ends a run of its own as it is', async () => {
    mkdirSync(path('m/0000-seed0.png'), { recursive: true });
    const { code, stderr } = await sample(['a', '-o', 'm']);
    expect([code, stderr]).toEqual([1, expect.stringContaining('ERR_SVGT2I_IO')]);
    expect(stderr).not.toContain('INCOMPLETE');
  });

  it('ends the run where the first ten all fail', async () => {
    for (let i = 0; i < 30; i++) {
      mkdirSync(path('m', `00${String(i).padStart(2, '0')}-seed${i}.png`), { recursive: true });
    }
    const { code, stderr } = await sample(['a', '--count', '30', '-o', 'm']);
    expect(code).toBe(1);
    expect(stderr.match(/was not drawn/g)).toHaveLength(9);
    expect(existsSync(path('m/0011-seed11.png'))).toBe(true);
  });
});
