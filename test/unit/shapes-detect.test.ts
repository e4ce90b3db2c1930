// The detector and the judge, on drawn scenes: clean, soft, noisy, compressed, and judged by captions that are wrong.
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { decodeImage } from '../../lib/image/decode.js';
import { encodeImage } from '../../lib/image/encode.js';
import { type RgbImage, rgbImage } from '../../lib/image/rgb-image.js';
import { detect } from '../../lib/shapes/detect.js';
import { drawScene } from '../../lib/shapes/draw.js';
import { exampleAt } from '../../lib/shapes/example.js';
import { judge, judgeDetection } from '../../lib/shapes/judge.js';
import { nameOf } from '../../lib/shapes/paint.js';
import { SceneRandom } from '../../lib/shapes/random.js';
import type { Drawing, Group, SceneSpec } from '../../lib/shapes/scene.js';
import {
  BACKGROUND_NAMES,
  BACKGROUNDS,
  CATEGORIES,
  COLOUR_NAMES,
  RELATIONS,
  SHAPES,
  type Shape,
} from '../../lib/shapes/vocabulary.js';

type Change = (image: RgbImage) => RgbImage | Promise<RgbImage>;

const blurred =
  (sigmaAt64: number): Change =>
  async (image) => {
    const raw = { width: image.width, height: image.height, channels: 3 as const };
    const { data } = await sharp(image.data, { raw })
      .blur((sigmaAt64 * image.width) / 64)
      .raw()
      .toBuffer({ resolveWithObject: true });
    return rgbImage(image.width, image.height, new Uint8Array(data));
  };

/** About normal: the sum of four uniform numbers. */
const noisy =
  (sigma: number): Change =>
  (image) => {
    const random = new SceneRandom('noise', sigma);
    const half = sigma * Math.sqrt(3 / 4);
    const noise = () => [0, 0, 0, 0].reduce((sum) => sum + random.uniform(-half, half), 0);
    const data = image.data.map((level) => Math.min(255, Math.max(0, Math.round(level + noise()))));
    return rgbImage(image.width, image.height, data);
  };

const compressed =
  (quality: number): Change =>
  async (image) =>
    decodeImage(await encodeImage(image, { format: 'jpeg', quality }));

const tinted: Change = (image) =>
  rgbImage(
    image.width,
    image.height,
    image.data.map((level) => Math.round(level * 0.92 + 10)),
  );

const clean: Change = (image) => image;
const softAndNoisy: Change = async (image) => noisy(10)(await blurred(0.8)(image));

/** Part of the scenes that are judged correct, of the category where it is least. */
async function leastScore(sidePx: number, change: Change, perCategory: number): Promise<number> {
  const correct = new Map(CATEGORIES.map((category) => [category, 0]));
  for (let i = 0; i < perCategory * CATEGORIES.length; i++) {
    const split = Math.floor(i / CATEGORIES.length) % 2 === 0 ? 'train' : 'held-out';
    const { scene } = exampleAt({ seed: 11, split }, i);
    const { category } = scene.asked;
    if (judge(scene.asked, await change(drawScene(scene, sidePx))).correct)
      correct.set(category, (correct.get(category) ?? 0) + 1);
  }
  return Math.min(...correct.values()) / perCategory;
}

describe.each([64, 128])('true scenes of %i px', (sidePx) => {
  it('are judged correct', async () => {
    expect(await leastScore(sidePx, clean, 200)).toBeGreaterThanOrEqual(0.99);
  });

  it.each([
    ['soft edges', blurred(1.3)],
    ['noise', noisy(20)],
    ['both', softAndNoisy],
    ['other levels', tinted],
    ['JPEG', compressed(60)],
  ])('with %s as well', async (_, change) => {
    expect(await leastScore(sidePx, change, 40)).toBeGreaterThanOrEqual(0.975);
  });
});

it('judges pictures of 256 px and pictures that are not square', async () => {
  expect(await leastScore(256, clean, 10)).toBe(1);
  const { scene } = exampleAt({ seed: 1, split: 'train' }, 3);
  const image = drawScene(scene, 64);
  const wide = rgbImage(128, 64, new Uint8Array(128 * 64 * 3).fill(image.data[0] ?? 0));
  for (let y = 0; y < 64; y++) wide.data.set(image.data.subarray(y * 192, (y + 1) * 192), y * 384 + 96);
  const background = nameOf(scene.drawn.background, BACKGROUNDS) ?? 'white';
  expect(judge({ ...scene.asked, background }, wide)).toMatchObject({ reasons: [] });
});

/** Captions that are wrong about a picture in one thing. */
function wrongSpecs(asked: SceneSpec, random: SceneRandom): Record<string, SceneSpec> {
  const other = <Name extends string>(names: readonly Name[], not: readonly (Name | undefined)[]) =>
    random.pick(names.filter((name) => !not.includes(name)));
  const at = random.integer(0, asked.groups.length - 1);
  const withGroup = (change: (group: Group) => Partial<Group>): SceneSpec => ({
    ...asked,
    groups: asked.groups.map((group, i) => (i === at ? { ...group, ...change(group) } : group)),
  });
  const shapes = asked.groups.map(({ shape }) => shape);
  const mirrored = { left: 'right', right: 'left', above: 'below', below: 'above' } as const;
  const wrong: Record<string, SceneSpec> = {
    shape: withGroup(() => ({ shape: other(SHAPES, shapes) })),
    more: withGroup(({ count }) => ({ count: count + 1 })),
    fewer: withGroup(({ count }) => ({ count: count - 1 })),
  };
  if (asked.groups[at]?.colour !== undefined)
    wrong.colour = withGroup(({ colour }) => ({ colour: other(COLOUR_NAMES, [colour]) }));
  if (asked.relation !== undefined) wrong.relation = { ...asked, relation: mirrored[asked.relation] };
  if (asked.category === 'color_attribution') {
    const [a, b] = asked.groups as [Group, Group];
    wrong.attribution = {
      ...asked,
      groups: [
        { ...a, shape: b.shape },
        { ...b, shape: a.shape },
      ],
    };
  }
  if (asked.background !== undefined)
    wrong.background = { ...asked, background: other(BACKGROUND_NAMES, [asked.background]) };
  if (asked.size !== undefined) wrong.size = { ...asked, size: asked.size === 'small' ? 'large' : 'small' };
  return wrong;
}

it.each([
  ['clean', clean],
  ['soft and noisy', softAndNoisy],
])('turns down captions that are wrong in one thing: %s pictures', async (_, change) => {
  const accepted: Record<string, number> = {};
  const tried: Record<string, number> = {};
  for (let i = 0; i < 720; i++) {
    const { scene } = exampleAt({ seed: 12, split: i % 2 === 0 ? 'train' : 'held-out' }, i);
    const found = detect(await change(drawScene(scene, i % 4 < 2 ? 64 : 128)));
    for (const [what, spec] of Object.entries(wrongSpecs(scene.asked, new SceneRandom('wrong', i)))) {
      tried[what] = (tried[what] ?? 0) + 1;
      accepted[what] = (accepted[what] ?? 0) + (judgeDetection(spec, found).correct ? 1 : 0);
    }
  }
  for (const what of ['shape', 'more', 'fewer', 'colour', 'relation', 'attribution', 'background', 'size']) {
    expect(tried[what]).toBeGreaterThan(50);
    expect((accepted[what] ?? 1) / (tried[what] ?? 1)).toBeLessThan(0.01);
  }
});

describe('the judge', () => {
  const place = (shape: Shape, colour: (typeof COLOUR_NAMES)[number], x: number, y: number) =>
    ({ shape, colour, x, y, radius: 0.14 }) as const;
  const drawing = (...objects: Drawing['objects']): RgbImage =>
    drawScene({ drawn: { background: 'white', objects } }, 128);
  const redCircles = { count: 2, shape: 'circle', colour: 'red' } as const;
  const blueSquare = { count: 1, shape: 'square', colour: 'blue' } as const;
  const asked: SceneSpec = { category: 'position', groups: [redCircles, blueSquare], relation: 'left' };
  const right = [
    place('circle', 'red', 0.2, 0.25),
    place('circle', 'red', 0.25, 0.7),
    place('square', 'blue', 0.75, 0.5),
  ];

  it('accepts what is right, whatever else is there', () => {
    expect(judge(asked, drawing(...right)).reasons).toEqual([]);
    expect(judge(asked, drawing(...right, place('star', 'pink', 0.7, 0.85))).reasons).toEqual([]);
  });

  it('says what is wrong', () => {
    const [first, , square] = right as [Drawing['objects'][number], unknown, Drawing['objects'][number]];
    expect(judge(asked, drawing(first, square)).reasons).toEqual(['two red circles: found 1']);
    expect(judge(asked, drawing(first, place('circle', 'cyan', 0.25, 0.7), square)).reasons).toEqual([
      'two red circles: found 1; circles in cyan',
    ]);
    expect(judge(asked, drawing(...right.map((object) => ({ ...object, x: 1 - object.x })))).reasons).toEqual(
      ['not left: (0.80, 0.25), (0.75, 0.70) seen from (0.25, 0.50)'],
    );
    expect(judge({ ...asked, background: 'black' }, drawing(...right)).reasons).toEqual([
      'the background is white, not black',
    ]);
  });

  it('finds nothing in an empty picture, in noise and in a picture of one pixel', () => {
    expect(detect(drawing())).toEqual({ background: 'white', objects: [] });
    expect(RELATIONS.map((relation) => judge({ ...asked, relation }, drawing()).correct)).not.toContain(true);
    const noise = noisy(80)(rgbImage(64, 64, new Uint8Array(64 * 64 * 3).fill(128)));
    expect(detect(noise as RgbImage).objects.filter(({ shape }) => shape !== undefined)).toEqual([]);
    expect(detect(rgbImage(1, 1, new Uint8Array(3))).objects).toEqual([]);
  });
});
