/** The parts of a run of drawing that need no model: what is there already, whose weights they are, and what is written. */
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { existingFiles, refuseOthers } from '../../../lib/eval/generate/existing-files.js';
import { type FileEvent, FileWriter } from '../../../lib/eval/generate/file-writer.js';
import { promptsHash } from '../../../lib/eval/generate/prompts-hash.js';
import { removeDrawn } from '../../../lib/eval/generate/remove-drawn.js';
import { decisiveDifferences, readRunRecord } from '../../../lib/eval/generate/run-record.js';
import { hashWeights } from '../../../lib/eval/generate/weights.js';
import { scorerCalls } from '../../../lib/eval/layouts/scorer-calls.js';
import { encodeImage } from '../../../lib/image/encode.js';
import type { ImageParameters } from '../../../lib/image/parameters.js';
import { rgbImage } from '../../../lib/image/rgb-image.js';
import { GeneratedImage } from '../../../lib/pipeline/generated-image.js';
import { gridMetadata } from '../../../lib/pipeline/grid-metadata.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'svg-run-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const pixels = rgbImage(2, 2, new Uint8Array(12).fill(9));
const askedOf = (index: number): ImageParameters => ({ prompt: 'p', seed: index, steps: 3 });

async function put(name: string, parameters: ImageParameters | undefined): Promise<void> {
  const bytes = await encodeImage(pixels, {
    format: 'png',
    ...(parameters === undefined ? {} : { parameters }),
  });
  writeFileSync(join(folder, name), bytes);
}

it('keeps files of what is asked for, and names what differs in the others; grids picture by picture', async () => {
  const grid = (...members: readonly ImageParameters[]) => gridMetadata(members);
  await put('same.png', { ...askedOf(0), dtype: 'bf16', evaluations: 3 });
  await put('other.png', { ...askedOf(1), steps: 9, prompt: 'q' });
  await put('plain.png', undefined);
  await put('grid.png', grid(askedOf(4), askedOf(5)));
  await put('half.png', grid(askedOf(6), { ...askedOf(7), seed: 70 }));
  await put('single.png', askedOf(8));
  writeFileSync(join(folder, 'broken.png'), 'no picture');
  const files = [
    { path: 'same.png', pictures: [0] },
    { path: 'other.png', pictures: [1] },
    { path: 'plain.png', pictures: [2] },
    { path: 'absent.png', pictures: [3] },
    { path: 'grid.png', pictures: [4, 5] },
    { path: 'half.png', pictures: [6, 7] },
    { path: 'single.png', pictures: [8, 9] },
    { path: 'broken.png', pictures: [10] },
  ];
  const found = await existingFiles(files, { folder, askedOf, signal: undefined });
  expect(found.kept.map(({ path }) => path)).toEqual(['same.png', 'grid.png']);
  expect(found.wanted).toHaveLength(6);
  expect(found.others).toEqual([
    { path: 'other.png', differs: ['prompt', 'steps'] },
    { path: 'plain.png', differs: [] },
    { path: 'half.png', differs: ['seed'] },
    { path: 'single.png', differs: ['number of pictures'] },
  ]);
  expect(refuseOthers('out', found.others).message).toBe(
    '4 file(s) in out are not those asked for: other.png (prompt, steps), plain.png (carries no parameters), half.png (seed), single.png (number of pictures)',
  );
});

it('takes all drawn pictures away before others come, and nothing of anybody else', async () => {
  for (const name of ['images/00000', 'images/00009/samples', 'elsewhere'])
    mkdirSync(join(folder, name), { recursive: true });
  const drawn = { software: 'svg-t2i 0', prompt: 'p' };
  await put('images/00000/0.png', undefined);
  await put('images/00000/1.png', undefined);
  await put('images/00009/samples/0.png', drawn);
  await put('elsewhere/0.png', drawn);
  writeFileSync(join(folder, 'images/00000/metadata.jsonl'), '{}');
  const spec = {
    out: folder,
    folder: join(folder, 'images'),
    files: [{ path: '00000/0.png', pictures: [0] }],
  };
  await removeDrawn(spec, { signal: undefined });
  const left = () =>
    readdirSync(folder, { recursive: true })
      .filter((name) => String(name).includes('.'))
      .sort();
  expect(left()).toEqual(['elsewhere/0.png', 'images/00000/1.png', 'images/00000/metadata.jsonl']);

  // Where the pictures' folder is the user's own, what lies deeper is not the run's.
  await put('images/7.png', drawn);
  await put('images/00009/samples/0.png', drawn);
  await removeDrawn(
    { out: folder, folder, files: [{ path: 'images/0.png', pictures: [0] }] },
    { signal: undefined },
  );
  expect(left()).toEqual([
    'elsewhere/0.png',
    'images/00000/1.png',
    'images/00000/metadata.jsonl',
    'images/00009/samples/0.png',
  ]);
  await removeDrawn({ out: folder, folder: join(folder, 'none'), files: [] }, { signal: undefined });
});

describe('the writer', () => {
  const image = (index: number) =>
    new GeneratedImage({
      index,
      seed: index,
      prompt: 'p',
      pixels,
      metadata: { seed: index } as GeneratedImage['metadata'],
    });
  const error = { name: 'SvgT2IError', code: 'ERR_SVGT2I_NUMERIC', message: 'not finite' } as const;

  it('writes a grid when its last picture is there, whatever their order, and none that lost one', async () => {
    const events: FileEvent[] = [];
    const files = [
      { path: 'deep/a.png', pictures: [0, 1] },
      { path: 'b.png', pictures: [2, 3] },
    ];
    mkdirSync(join(folder, 'parts'));
    const out = join(folder, 'out');
    const writer = new FileWriter(
      { files, folder: out, parts: join(folder, 'parts') },
      (event) => void events.push(event),
    );
    await writer.drawn(image(1));
    await writer.drawn(image(2));
    writer.failed({ index: 3, seed: 3, prompt: 'p', error });
    writer.failed({ index: 2, seed: 2, prompt: 'p', error });
    expect(events).toEqual([{ type: 'failed', path: 'b.png', index: 3, seed: 3, prompt: 'p', error }]);
    await writer.drawn(image(0));
    expect(events[1]).toMatchObject({ type: 'file', path: 'deep/a.png', pictures: [0, 1] });
    expect(readdirSync(out, { recursive: true }).sort()).toEqual(['deep', 'deep/a.png']);
    expect(readdirSync(join(folder, 'parts'))).toEqual([]);
  });
});

describe('weights', () => {
  it('are all shards of a file, and are not read again while size and time are the same', async () => {
    const names = [
      'consolidated.00-of-02.pth',
      'consolidated.01-of-02.pth',
      'consolidated.00-of-01.pth',
      'ae.ckpt',
    ];
    for (const name of names) writeFileSync(join(folder, name), name);
    mkdirSync(join(folder, 'text'));
    for (const name of ['config.json', 'README.md', 'model.safetensors'])
      writeFileSync(join(folder, 'text', name), name);
    const layout = {
      folder,
      dit: join(folder, 'consolidated.00-of-02.pth'),
      autoencoder: {
        yaml: undefined,
        checkpoint: join(folder, 'ae.ckpt'),
        encoder: undefined,
        config: undefined,
        warnings: [],
      },
      textEncoder: join(folder, 'text'),
      warnings: [],
    };
    const how = { signal: undefined, onFile: () => undefined };
    const first = await hashWeights(layout, { ...how, known: [] });
    expect(first.map(({ part, path }) => [part, path.slice(folder.length + 1)])).toEqual([
      ['dit', 'consolidated.00-of-02.pth'],
      ['dit', 'consolidated.01-of-02.pth'],
      ['autoencoder', 'ae.ckpt'],
      ['textEncoder', 'text/config.json'],
      ['textEncoder', 'text/model.safetensors'],
    ]);
    const known = first.map((file) => ({ ...file, sha256: 'remembered' }));
    expect(new Set((await hashWeights(layout, { ...how, known })).map(({ sha256 }) => sha256))).toEqual(
      new Set(['remembered']),
    );
    utimesSync(join(folder, 'ae.ckpt'), 1, 1);
    const again = await hashWeights(layout, { ...how, known });
    expect(again.filter(({ sha256 }) => sha256 !== 'remembered').map(({ part }) => part)).toEqual([
      'autoencoder',
    ]);
  });
});

it('says what differs between two runs, also what one of them does not have', () => {
  const before = { steps: 50, shift: 10, guidanceFrom: 0.2 };
  expect(decisiveDifferences(before, before)).toEqual([]);
  expect(decisiveDifferences(before, { steps: 20, shift: 10, renorm: 1 })).toEqual([
    'steps was 50 and is 20',
    'guidanceFrom was 0.2 and is null',
    'renorm was null and is 1',
  ]);
});

it('refuses a run.json of somebody else, and hashes lists of prompts by file or folder', async () => {
  expect(readRunRecord(folder)).toBeUndefined();
  writeFileSync(join(folder, 'run.json'), '{}');
  expect(() => readRunRecord(folder)).toThrow(expect.objectContaining({ code: 'ERR_SVGT2I_RUN_FOLDER' }));
  writeFileSync(join(folder, 'a.txt'), 'a');
  const one = await promptsHash(folder);
  writeFileSync(join(folder, 'b.txt'), '');
  expect(await promptsHash(folder)).not.toBe(one);
  expect(await promptsHash(join(folder, 'b.txt'))).toMatch(/^e3b0c44298fc1c14/);
  expect(readFileSync(join(folder, 'run.json'), 'utf8')).toBe('{}');
});

it('calls scorers from a folder whose name a shell would take apart', () => {
  const [call = ''] = scorerCalls('dpg', {
    out: "/a b/it's",
    prompts: 'p',
    resolution: 512,
    imagesPerPrompt: 4,
  });
  expect(call).toBe(
    `accelerate launch dpg_bench/compute_dpg_bench.py --image-root-path '/a b/it'\\''s/images' --resolution 512 --pic-num 4 --vqa-model mplug --res-path '/a b/it'\\''s/dpg-results.txt'`,
  );
});
