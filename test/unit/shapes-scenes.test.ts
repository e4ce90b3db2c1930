// Scenes, captions and splits of the shapes data set.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PictureList } from '../../lib/data/picture-list.js';
import { readImage } from '../../lib/image/decode.js';
import { processTag } from '../../lib/lock/process.mjs';
import { captionOf } from '../../lib/shapes/caption.js';
import { writeShapesDataset } from '../../lib/shapes/dataset.js';
import { drawScene } from '../../lib/shapes/draw.js';
import { type Example, exampleAt } from '../../lib/shapes/example.js';
import { readSceneList } from '../../lib/shapes/manifest.js';
import { nameOf } from '../../lib/shapes/paint.js';
import { SceneRandom } from '../../lib/shapes/random.js';
import { rasterise } from '../../lib/shapes/raster.js';
import { sampleScene } from '../../lib/shapes/sample-scene.js';
import { combinationsOf, splitOf } from '../../lib/shapes/split.js';
import {
  BACKGROUND_NAMES,
  CATEGORIES,
  COLOUR_NAMES,
  COLOURS,
  MAX_COUNT,
  plural,
  RELATIONS,
  SHAPES,
  type Split,
} from '../../lib/shapes/vocabulary.js';

const examples = (split: Split, count: number, seed = 1) =>
  Array.from({ length: count }, (_, i) => exampleAt({ seed, split }, i));

const newFolder = () => mkdtempSync(join(tmpdir(), 'svg-t2i-shapes-'));

it('draws a shape with the area that it has', () => {
  const areaOf = (shape: (typeof SHAPES)[number]) =>
    rasterise({ shape, x: 32.3, y: 31.6, radius: 20 }, 64, 64).coverage.reduce((sum, share) => sum + share) /
    1600;
  expect(areaOf('square')).toBeCloseTo(1, 5);
  expect(areaOf('triangle')).toBeCloseTo(0.5, 2);
  expect(areaOf('circle')).toBeCloseTo(Math.PI / 4, 2);
  expect(areaOf('cross')).toBeCloseTo(1 - 0.66 ** 2, 2);
  // Cut at the edge of the picture.
  const { left, top, width, height, coverage } = rasterise(
    { shape: 'square', x: 0, y: 63, radius: 5 },
    64,
    64,
  );
  expect({ left, top, width, height }).toEqual({ left: 0, top: 58, width: 5, height: 6 });
  expect(Math.min(...coverage)).toBeCloseTo(1, 5);
});

it('depends on seed and index alone', () => {
  const source = { seed: 5, split: 'train' } as const;
  const again = exampleAt(source, 17);
  expect(exampleAt(source, 17)).toEqual(again);
  expect(drawScene(exampleAt(source, 17).scene, 64)).toEqual(drawScene(again.scene, 64));
  expect(exampleAt({ ...source, seed: 6 }, 17)).not.toEqual(again);
  expect(exampleAt(source, 23)).not.toEqual(again);
  expect(() => drawScene(again.scene, 64.5)).toThrow(/64\.5 pixels/);
});

it('keeps objects inside, apart and in the relation asked for', () => {
  for (const { scene } of examples('train', 1500)) {
    const { objects } = scene.drawn;
    const { groups, relation } = scene.asked;
    expect(objects.length).toBe(groups.reduce((sum, { count }) => sum + count, 0));
    objects.forEach((a, i) => {
      expect(Math.min(a.x, a.y, 1 - a.x, 1 - a.y)).toBeGreaterThan(a.radius);
      for (const b of objects.slice(i + 1)) {
        const distance = Math.max(Math.abs(a.x - b.x), Math.abs(a.y - b.y));
        expect(distance - a.radius - b.radius).toBeGreaterThan(0.06);
      }
    });
    const [first, last] = [objects[0], objects.at(-1)];
    if (relation === undefined || first === undefined || last === undefined) continue;
    const sign = {
      left: last.x - first.x,
      right: first.x - last.x,
      above: last.y - first.y,
      below: first.y - last.y,
    };
    expect(sign[relation]).toBeGreaterThan(0.2);
  }
});

describe('captions', () => {
  it('say what is asked', () => {
    for (const { prompt, scene } of [...examples('train', 600), ...examples('held-out', 600)]) {
      const { groups, background } = scene.asked;
      for (const { count, shape, colour } of groups) {
        expect(prompt).toContain(
          `${colour === undefined ? '' : `${colour} `}${count === 1 ? shape : plural(shape)}`,
        );
      }
      expect(BACKGROUND_NAMES.some((name) => prompt.includes(name))).toBe(background !== undefined);
      expect(prompt).not.toMatch(/ {2}|\ba [aeiou]|\ban [^aeiou]/);
    }
  });

  it('differ in phrasing', () => {
    const scene = sampleScene(new SceneRandom('phrasing'), 'train', 'position');
    const texts = Array.from({ length: 60 }, (_, i) => captionOf(scene, new SceneRandom('phrasing', i)));
    expect(new Set(texts).size).toBeGreaterThan(5);
  });
});

describe('the split', () => {
  const combinations = (split: Split) =>
    new Set(
      examples(split, 12_000).map(({ scene }) => {
        const own = combinationsOf(scene.asked, scene.drawn)[scene.asked.category];
        return `${scene.asked.category}: ${own}`;
      }),
    );

  it('never trains on a combination or a caption that is held out', () => {
    const heldOut = combinations('held-out');
    expect(heldOut.size).toBeGreaterThan(500);
    for (const { scene } of examples('train', 12_000, 2)) {
      const all = Object.entries(combinationsOf(scene.asked, scene.drawn));
      for (const [category, combination] of all) expect(heldOut).not.toContain(`${category}: ${combination}`);
    }
    const captions = new Set(examples('held-out', 6000).map(({ prompt }) => prompt));
    for (const { prompt } of examples('train', 6000)) expect(captions).not.toContain(prompt);
  });

  it('holds out some of every category, and no word', () => {
    const heldOut = [...combinations('held-out')];
    const words = new Set(examples('train', 6000).flatMap(({ prompt }) => prompt.split(/[ ,]+/)));
    for (const category of CATEGORIES) {
      expect(heldOut.filter((combination) => combination.startsWith(category)).length).toBeGreaterThan(4);
    }
    for (const { prompt } of examples('held-out', 3000)) {
      for (const word of prompt.split(/[ ,]+/)) expect(words).toContain(word);
    }
    const trained = examples('train', 6000).flatMap(({ scene }) => scene.asked.groups);
    for (const shape of SHAPES) {
      for (const colour of COLOUR_NAMES)
        expect(trained.some((group) => group.shape === shape && group.colour === colour)).toBe(true);
      for (let count = 1; count <= MAX_COUNT; count++)
        expect(trained.some((group) => group.shape === shape && group.count === count)).toBe(true);
    }
    const relations = new Set(examples('train', 600).map(({ scene }) => scene.asked.relation));
    for (const relation of RELATIONS) expect(relations).toContain(relation);
  });

  it('trains on "two red circles left of a blue square", in whichever order it is said', () => {
    const red = { count: 2, shape: 'circle', colour: 'red' } as const;
    const blue = { count: 1, shape: 'square', colour: 'blue' } as const;
    const place = { x: 0.5, y: 0.5, radius: 0.15 };
    const drawn = {
      background: 'white',
      objects: [red, blue].map((group) => ({ ...group, ...place })),
    } as const;
    const left = { category: 'position', groups: [red, blue], relation: 'left' } as const;
    const right = { category: 'position', groups: [blue, red], relation: 'right' } as const;
    expect(splitOf(left, drawn)).toBe('train');
    expect(combinationsOf(right, drawn)).toEqual(combinationsOf(left, drawn));
  });
});

describe('a free palette', () => {
  const free = Array.from({ length: 6000 }, (_, i) =>
    exampleAt({ seed: 1, split: 'train', palette: 'free' }, i),
  );

  it('draws what the caption names, and anything where it names nothing', () => {
    const between = new Set<string>();
    for (const { prompt, scene } of free) {
      const { asked, drawn } = scene;
      expect(BACKGROUND_NAMES.some((name) => prompt.includes(name))).toBe(false);
      expect(Array.isArray(drawn.background)).toBe(true);
      for (const { shape, colour } of asked.groups) {
        const { colour: paint } = drawn.objects.find((object) => object.shape === shape) ?? {};
        if (colour !== undefined) expect(paint).toBe(colour);
        else if (paint !== undefined && nameOf(paint, COLOURS) === undefined) between.add(String(paint));
      }
    }
    expect(between.size).toBeGreaterThan(1000);
    const { scene } = free.find(({ scene }) => scene.asked.category === 'single_object') as Example;
    const { data } = drawScene(scene, 64);
    expect([...data.subarray(0, 3)]).toEqual(scene.drawn.background);
    const { x = 0, y = 0, colour } = scene.drawn.objects[0] ?? {};
    const middle = (Math.floor(y * 64) * 64 + Math.floor(x * 64)) * 3;
    expect([...data.subarray(middle, middle + 3)]).toEqual(colour);
  });

  it('shows no combination that is held out, by name or by the look of it', () => {
    const heldOut = new Set<string>();
    for (const { scene } of examples('held-out', 12_000)) {
      const { category } = scene.asked;
      heldOut.add(`${category}: ${combinationsOf(scene.asked, scene.drawn)[category]}`);
    }
    let looks = 0;
    for (const { scene } of free) {
      for (const [category, combination] of Object.entries(combinationsOf(scene.asked, scene.drawn))) {
        if (combination === undefined) continue;
        expect(combination).not.toContain('undefined');
        expect(heldOut).not.toContain(`${category}: ${combination}`);
        looks++;
      }
    }
    expect(looks).toBeGreaterThan(1000);
  });

  it('is refused where something is to be held out', async () => {
    const options = { folder: newFolder(), count: 1, seed: 1, sizePx: 64 } as const;
    await expect(
      writeShapesDataset({ ...options, split: 'held-out', palette: 'free' }),
    ).rejects.toMatchObject({ code: 'ERR_SVGT2I_INVALID_ARGUMENT' });
  });
});

describe('a data set on disk', () => {
  const settings = { seed: 3, sizePx: 64, split: 'train' } as const;

  it('reads back as a list of captions', async () => {
    const folder = newFolder();
    const { list, written } = await writeShapesDataset({ ...settings, folder, count: 9 });
    expect(written).toBe(9);
    const dataset = await PictureList.open(list);
    const listed = await readSceneList(list);
    expect([dataset.length, listed.length]).toEqual([9, 9]);
    for (let i = 0; i < 9; i++) {
      const { path, prompt } = await dataset.item(i);
      const example = exampleAt(settings, i);
      expect(listed[i]).toEqual({ path, prompt, asked: example.scene.asked });
      expect(prompt).toBe(example.prompt);
      expect((await readImage(path)).data).toEqual(drawScene(example.scene, 64).data);
    }
    await dataset.close();
  });

  it('goes on after an interruption, and grows', async () => {
    const folder = newFolder();
    const stop = new AbortController();
    const onProgress = (done: number) => done === 12 && stop.abort(new Error('enough'));
    const options = { ...settings, folder, count: 40 };
    await expect(writeShapesDataset({ ...options, signal: stop.signal, onProgress })).rejects.toThrow(
      'enough',
    );
    expect(existsSync(join(folder, 'shapes.jsonl'))).toBe(false);
    const { written, list } = await writeShapesDataset(options);
    expect(written).toBeLessThanOrEqual(28);
    const before = readFileSync(list, 'utf8');
    rmSync(join(folder, '0000', '000007.png'));
    expect(await writeShapesDataset({ ...options, count: 42 })).toMatchObject({ images: 42, written: 3 });
    expect(readFileSync(list, 'utf8').startsWith(before)).toBe(true);
  });

  it('begins in a folder where a killed process has left half of its first file', async () => {
    const folder = newFolder();
    const [, started, where] = processTag().split('-');
    writeFileSync(join(folder, `dataset.json.${spawnSync('true').pid}-${started}-${where}.part`), '{');
    expect(await writeShapesDataset({ ...settings, folder, count: 1 })).toMatchObject({ written: 1 });
  });

  it('leaves the folders of others alone', async () => {
    const folder = newFolder();
    await writeShapesDataset({ ...settings, folder, count: 1 });
    await expect(writeShapesDataset({ ...settings, folder, count: 1, seed: 4 })).rejects.toMatchObject({
      code: 'ERR_SVGT2I_INVALID_ARGUMENT',
      message: `${folder} was begun with another seed: 3, not 4`,
    });
    const foreign = newFolder();
    mkdirSync(join(foreign, 'photos'));
    await expect(writeShapesDataset({ ...settings, folder: foreign, count: 1 })).rejects.toThrow(
      /is not empty/,
    );
  });

  it('names the line that is malformed', async () => {
    const list = join(newFolder(), 'shapes.jsonl');
    const groups = [{ count: 1, shape: 'blob' }];
    writeFileSync(
      list,
      `\n${JSON.stringify({ path: 'a.png', prompt: 'a', asked: { category: 'colors', groups } })}\n`,
    );
    await expect(readSceneList(list)).rejects.toMatchObject({
      code: 'ERR_SVGT2I_FILE_FORMAT',
      message: expect.stringMatching(/shapes\.jsonl:2: asked\.groups\.0\.shape: must be one of circle/),
    });
    writeFileSync(list, '{');
    await expect(readSceneList(list)).rejects.toThrow(/shapes\.jsonl:1: no JSON/);
  });
});
