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
import { type PlanRequest, planOutput, prepareOutput } from '../../lib/cli/output-plan.js';
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
    firstSeed: 7,
    stdoutIsTerminal: false,
    ...request,
  });
}

describe('where pictures go', () => {
  it('one picture to the named file', async () => {
    expect(await plan({ path: 'fox.webp' })).toMatchObject({
      format: 'webp',
      images: [{ index: 0, file: 'fox.webp' }],
    });
  });

  it('several pictures to numbered files', async () => {
    const { images } = await plan({ path: 'a/fox.jpg' }, { count: 2 });
    expect(images.map(({ file }) => file)).toEqual(['a/fox-0000.jpg', 'a/fox-0001.jpg']);
  });

  it('a folder gets index and seed', async () => {
    const { images, grids } = await plan(
      { path: folder, format: 'jpeg', grid: true },
      { promptCount: 2, count: 2 },
    );
    expect(images.map(({ file }) => file)).toEqual(
      ['0000-seed7', '0001-seed8', '0002-seed9', '0003-seed10'].map((name) => join(folder, `${name}.jpg`)),
    );
    expect(grids.map(({ file }) => file)).toEqual(
      ['grid-0000', 'grid-0001'].map((name) => join(folder, `${name}.jpg`)),
    );
  });

  it('a folder with a dot in its name is a folder', async () => {
    const path = join(folder, 'v1.0');
    mkdirSync(path);
    expect((await plan({ path })).images[0]?.file).toBe(join(path, '0000-seed7.png'));
  });

  it('what exists is skipped', async () => {
    writeFileSync(join(folder, '0001-seed8.png'), '');
    const { wanted } = await plan({ path: folder, skipExisting: true }, { count: 3 });
    expect(wanted).toEqual([0, 2]);
  });

  it('stdout takes one picture, or one grid', async () => {
    expect((await plan({ path: '-' })).images).toEqual([{ index: 0, file: undefined }]);
    const gridPlan = await plan({ path: '-', grid: true }, { count: 4 });
    expect(gridPlan.images).toEqual([]);
    expect(gridPlan.grids).toEqual([{ file: undefined }]);
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
    expect(fitImage(image(width, height), maxSide, 'x')).toMatchObject({
      width: fitWidth,
      height: fitHeight,
    });
  });

  it('refuses what is too small', () => {
    expect(() => fitImage(image(15, 100), 1024, 'tiny.png')).toThrow('tiny.png is 15x100');
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
