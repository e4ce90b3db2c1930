import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Mismatch, mismatchText, picturesToDraw } from '../../lib/cli/existing-pictures.js';
import { planOutput } from '../../lib/cli/output-plan.js';
import { type MismatchMode, outputSchema } from '../../lib/config/sample.js';
import { encodeImage, type OutputFormat } from '../../lib/image/encode.js';
import type { ImageParameters } from '../../lib/image/parameters.js';
import { rgbImage } from '../../lib/image/rgb-image.js';
import { differences } from '../../lib/pipeline/metadata.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'svg-existing-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const image = rgbImage(3, 2, new Uint8Array(18).fill(9));
const askedOf = (index: number): ImageParameters => ({ prompt: `p${index}`, seed: index, steps: 3 });

async function put(index: number, parameters: ImageParameters | undefined, format: OutputFormat = 'png') {
  const bytes = await encodeImage(image, { format, ...(parameters === undefined ? {} : { parameters }) });
  const extension = format === 'jpeg' ? 'jpg' : format;
  writeFileSync(join(folder, `000${index}-seed${index}.${extension}`), bytes);
}

async function look(onMismatch: MismatchMode, format: OutputFormat = 'png', total = 5) {
  const found: Mismatch[] = [];
  const plan = await planOutput(outputSchema.parse({ path: folder, format }), {
    promptCount: total,
    count: 1,
    seedOf: (index) => index,
    stdoutIsTerminal: false,
  });
  const wanted = await picturesToDraw(plan, {
    onMismatch,
    askedOf,
    onFound: (mismatch) => found.push(mismatch),
    signal: new AbortController().signal,
  });
  return { wanted, found: found.map(({ index, differs, isDrawnAgain }) => [index, differs, isDrawnAgain]) };
}

it.each(['png', 'jpeg', 'webp'] as const)('a %s is left where it is what is asked for', async (format) => {
  await put(1, { ...askedOf(1), dtype: 'bf16', evaluations: 3 }, format);
  await put(3, { ...askedOf(3), prompt: 'another' }, format);
  expect(await look('redraw', format)).toEqual({ wanted: [0, 2, 3, 4], found: [[3, ['prompt'], true]] });
});

describe('pictures of other settings', () => {
  beforeEach(async () => {
    await put(0, askedOf(0));
    await put(1, { ...askedOf(1), seed: 9, steps: 4 });
    await put(2, { ...askedOf(2), noise: 'given' });
    await put(3, undefined);
  });

  it('are drawn again, but what carries nothing is kept', async () => {
    expect(await look('redraw')).toEqual({
      wanted: [1, 2, 4],
      found: [
        [1, ['seed', 'steps'], true],
        [2, ['noise'], true],
        [3, [], false],
      ],
    });
  });

  it('or kept', async () => {
    const { wanted, found } = await look('keep');
    expect(wanted).toEqual([4]);
    expect(found.map(([index, , isDrawnAgain]) => [index, isDrawnAgain])).toEqual([
      [1, false],
      [2, false],
      [3, false],
    ]);
  });

  it('or refused, all at once', async () => {
    await expect(look('refuse')).rejects.toMatchObject({
      code: 'ERR_SVGT2I_USAGE',
      message: expect.stringMatching(/^3 picture\(s\) .*0001-seed1\.png \(seed, steps\).*\(no parameters\)$/),
      hint: expect.stringContaining('--on-mismatch redraw'),
    });
  });

  it('are said in words', () => {
    const mismatch = { index: 1, file: 'a.png', differs: ['seed', 'steps'], isDrawnAgain: true };
    expect(mismatchText(mismatch)).toBe('a.png was drawn with another seed, steps, and is drawn again');
    expect(mismatchText({ ...mismatch, isDrawnAgain: false })).toContain('is kept');
    expect(mismatchText({ ...mismatch, differs: [] })).toContain('carries no parameters');
  });
});

it('what is no picture is drawn again', async () => {
  writeFileSync(join(folder, '0000-seed0.png'), '');
  writeFileSync(join(folder, '0001-seed1.png'), 'no picture');
  symlinkSync('nothing', join(folder, '0002-seed2.png'));
  mkdirSync(join(folder, '0003-seed3.png'));
  expect(await look('refuse')).toEqual({ wanted: [0, 1, 2, 3, 4], found: [] });
});

it('a folder that is not there has none', async () => {
  rmSync(folder, { recursive: true });
  expect((await look('redraw', 'png', 100)).wanted).toHaveLength(100);
  mkdirSync(folder);
});

it('a text that had no room is compared as far as it goes', () => {
  expect(differences({ prompt: 'abc' }, { prompt: 'ab', shortened: true })).toEqual([]);
  expect(differences({ prompt: 'abc' }, { prompt: 'b', shortened: true })).toEqual(['prompt']);
  expect(differences({ prompt: 'abc', seed: 1 }, { prompt: 'ab', seed: 1 })).toEqual(['prompt']);
  expect(differences({ prompt: 'a', order: undefined }, { prompt: 'a', order: 2 })).toEqual([]);
});

it.each([
  ['guidanceFrom', 0.5],
  ['guidanceSchedule', 'late'],
  ['stepCache', 0.3],
  ['stepCacheRescale', 'lumina2-v2'],
  ['weakDit', 'dit-small/consolidated.pth'],
])('%s counts where only one of both says it', (name, value) => {
  const plain = { prompt: 'a', seed: 1 };
  expect(differences(plain, { ...plain, [name]: value })).toEqual([name]);
  expect(differences({ ...plain, [name]: value }, plain)).toEqual([name]);
  expect(differences({ ...plain, [name]: value }, { ...plain, [name]: value })).toEqual([]);
  expect(differences(plain, plain)).toEqual([]);
});
