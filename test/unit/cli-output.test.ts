import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { errorToJson, formatTable } from '../../lib/cli/output.js';
import {
  checkGrid,
  type OutputPlan,
  type PlanRequest,
  planOutput,
  prepareOutput,
  type Target,
} from '../../lib/cli/output-plan.js';
import { fitImage } from '../../lib/cli/reconstruct-images.js';
import { prepareFile, prepareFolder, writeWhole } from '../../lib/cli/write-file.js';
import { outputSchema } from '../../lib/config/sample.js';
import { SvgT2IError } from '../../lib/errors.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'svg-output-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function plan(output: object, request: Partial<PlanRequest> = {}) {
  return planOutput(outputSchema.parse(output), {
    promptCount: 1,
    count: 1,
    seedOf: (index) => 7 + index,
    stdoutIsTerminal: false,
    ...request,
  });
}

const pathOf = (target: Target) => (target.kind === 'file' ? target.path : target.kind);
const imagesOf = (plan: OutputPlan) =>
  Array.from({ length: plan.total }, (_, index) => pathOf(plan.imageAt(index)));

describe('where pictures go', () => {
  it('one picture to the named file', async () => {
    const only = await plan({ path: 'a/fox.webp' });
    expect(only).toMatchObject({ format: 'webp', total: 1, folder: 'a' });
    expect(imagesOf(only)).toEqual(['a/fox.webp']);
  });

  it('several pictures to numbered files', async () => {
    expect(imagesOf(await plan({ path: 'a/fox.jpg' }, { count: 2 }))).toEqual([
      'a/fox-0000.jpg',
      'a/fox-0001.jpg',
    ]);
  });

  it('the current folder without a path', async () => {
    const here = await plan({ grid: true });
    expect([...imagesOf(here), pathOf(here.gridAt(0)), here.folder]).toEqual([
      'svg-t2i-0000-seed7.png',
      'svg-t2i-grid.png',
      '.',
    ]);
  });

  it('a folder gets index and seed', async () => {
    const many = await plan({ path: folder, format: 'jpeg', grid: true }, { promptCount: 2, count: 2 });
    expect(imagesOf(many)).toEqual(
      ['0000-seed7', '0001-seed8', '0002-seed9', '0003-seed10'].map((name) => join(folder, `${name}.jpg`)),
    );
    expect([0, 1].map((prompt) => pathOf(many.gridAt(prompt)))).toEqual(
      ['grid-0000', 'grid-0001'].map((name) => join(folder, `${name}.jpg`)),
    );
  });

  it('a folder with a dot in its name is a folder', async () => {
    const path = join(folder, 'v1.0');
    mkdirSync(path);
    expect(imagesOf(await plan({ path }))).toEqual([join(path, '0000-seed7.png')]);
  });

  it('stdout takes one picture, or one grid', async () => {
    expect(imagesOf(await plan({ path: '-' }))).toEqual(['stdout']);
    const gridPlan = await plan({ path: '-', grid: true }, { count: 4 });
    expect([...imagesOf(gridPlan), pathOf(gridPlan.gridAt(0))]).toEqual([
      ...['nowhere', 'nowhere', 'nowhere', 'nowhere'],
      'stdout',
    ]);
  });

  it('a grid that its format cannot hold is refused', async () => {
    const side = { width: 1024, height: 1024 };
    const output = { path: folder, grid: true, format: 'webp' };
    const [fits, not] = [await plan(output, { count: 225 }), await plan(output, { count: 226 })];
    expect(() => checkGrid(fits, side)).not.toThrow();
    expect(() => checkGrid(not, side)).toThrow('226 pictures has 16384x15360 px, and a webp 16383 a side');
    expect(() => checkGrid({ ...not, hasGrids: false }, side)).not.toThrow();
  });

  it.each([
    [{ path: '-' }, { stdoutIsTerminal: true }, 'to the terminal'],
    [{ path: '-' }, { count: 2 }, 'takes one picture, not 2'],
    [{ path: '-', grid: true }, { promptCount: 2 }, 'takes one picture, not 2'],
    [{ path: '-', skipExisting: true }, {}, 'has no meaning'],
    [{ path: 'fox.bmp' }, {}, 'fox.bmp'],
    [{ path: 'fox.png', format: 'webp' }, {}, 'does not fit the file name'],
  ])('%j with %j is refused', async (output, request, message) => {
    await expect(plan(output, request)).rejects.toThrow(message);
  });
});

describe('before anything is loaded', () => {
  it('folders are made, files are not', async () => {
    const output = outputSchema.parse({
      path: join(folder, 'a/b/fox.png'),
      manifest: join(folder, 'm/all.jsonl'),
    });
    await prepareOutput(await plan(output), output, 10);
    expect(readdirSync(join(folder, 'a/b'))).toEqual([]);
    expect(readdirSync(join(folder, 'm'))).toEqual([]);
  });

  it.each([
    [join('/proc', 'svg-t2i'), 'ERR_SVGT2I'],
    ['/dev/null/x', '/dev/null/x'],
  ])('%s cannot be written to', async (path, message) => {
    await expect(prepareFolder(path, 0)).rejects.toSatisfy(
      (error) => SvgT2IError.isInstance(error) && `${error.code} ${error.message}`.includes(message),
    );
  });

  it('a full disk is told', async () => {
    await expect(prepareFolder(folder, Number.MAX_SAFE_INTEGER)).rejects.toMatchObject({
      code: 'ERR_SVGT2I_DISK_FULL',
    });
  });

  it('a folder is no file', async () => {
    await expect(prepareFile(folder, 0)).rejects.toThrow('it is a folder');
  });
});

describe('writeWhole', () => {
  it('replaces a file', async () => {
    const path = join(folder, 'x');
    writeFileSync(path, 'old');
    await writeWhole(path, Buffer.from('new'));
    expect(readFileSync(path, 'utf8')).toBe('new');
    expect(readdirSync(folder)).toEqual(['x']);
  });

  it('leaves nothing behind where it fails', async () => {
    const path = join(folder, 'x');
    mkdirSync(path);
    await expect(writeWhole(path, Buffer.from('new'))).rejects.toMatchObject({ code: 'ERR_SVGT2I_IO' });
    expect(readdirSync(folder)).toEqual(['x']);
  });
});

it('tells a disk that fills up while a picture is written', async () => {
  const path = join(folder, 'full.png');
  symlinkSync('/dev/full', path);
  await expect(writeWhole(path, Buffer.from('new'))).rejects.toMatchObject({
    code: 'ERR_SVGT2I_DISK_FULL',
    message: expect.stringContaining(path),
  });
});

describe('fitImage', () => {
  const image = (width: number, height: number) => ({
    width,
    height,
    data: new Uint8Array(width * height * 3),
  });

  it.each([
    [100, 50, 1024, 96, 48],
    [64, 64, 1024, 64, 64],
    [2000, 1000, 1024, 1024, 512],
    [100, 100, 50, 48, 48],
  ])('%ix%i with at most %i becomes %ix%i', (width, height, maxSide, fitWidth, fitHeight) => {
    expect(fitImage(image(width, height), maxSide, 'x', 16)).toMatchObject({
      width: fitWidth,
      height: fitHeight,
    });
  });

  it('refuses what is too small', () => {
    expect(() => fitImage(image(15, 100), 1024, 'tiny.png', 16)).toThrow('tiny.png is 15x100');
  });
});

it('errors become one JSON object', () => {
  expect(errorToJson(new SvgT2IError('ERR_SVGT2I_IO', 'a', { hint: 'b' }))).toEqual({
    type: 'error',
    code: 'ERR_SVGT2I_IO',
    message: 'a',
    hint: 'b',
  });
  expect(errorToJson(new TypeError('a\nb'))).toEqual({
    type: 'error',
    code: 'ERR_SVGT2I_INTERNAL',
    message: 'a',
  });
});

it('tables are aligned', () => {
  expect(formatTable(['a', 'long'], [['wide', '1']])).toBe('a     long\nwide  1');
});
