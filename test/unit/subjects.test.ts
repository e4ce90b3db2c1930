// What a request shows: prompts or classes, as the loaded model wants, and what the engine is told of it.
import { expect, it } from 'vitest';
import { requestSchema } from '../../lib/config/request.js';
import { askedMetadata } from '../../lib/pipeline/metadata.js';
import { requestFromParameters } from '../../lib/pipeline/repeat.js';
import { sampleJob } from '../../lib/pipeline/sample-job.js';
import { checkSubjects } from '../../lib/pipeline/subjects.js';
import { ClassNames } from '../../lib/release/class-names.js';
import { DIT_KINDS } from '../../lib/release/dit-kind.js';

const dit = {
  channels: 4,
  captionDim: 0,
  parameters: 1,
  patchSize: 1,
  maxCaptionTokens: 0,
  maxLatentRows: 512,
  maxLatentColumns: 512,
};
const classNames = new ClassNames(new Map([[1, 'tench']]));
const ofClasses = {
  kind: DIT_KINDS.svg,
  models: { device: 'cpu', dtype: 'fp32', dit: { ...dit, condition: 'class' as const, classes: 3 } },
  classNames,
};
const ofText = {
  ...ofClasses,
  kind: DIT_KINDS['next-dit'],
  models: { device: 'cpu', dtype: 'fp32', dit: { ...dit, condition: 'text' as const } },
};

const request = (given: object) => requestSchema.parse({ ...DIT_KINDS.svg.settings, ...given });

it('a class-conditional model takes numbers and names', () => {
  expect(checkSubjects(request({ class: [2, 'tench'] }), ofClasses)).toEqual({
    prompt: ['class 2', 'tench'],
    classes: [
      { number: 2, name: undefined },
      { number: 1, name: 'tench' },
    ],
  });
  expect(checkSubjects(request({ prompt: 'a fox' }), ofText)).toEqual({
    prompt: ['a fox'],
    classes: undefined,
  });
});

it.each([
  [{ class: 1 }, ofText, 'class: this model draws from text'],
  [{ prompt: 'a fox' }, ofClasses, 'prompt: this model draws classes'],
  [{ class: 3 }, ofClasses, 'no class 3, it has 3'],
  [{ class: 1, negativePrompt: 'blur' }, ofClasses, 'negativePrompt: this model draws classes'],
  [{ class: 1, systemPrompt: 'align' }, ofClasses, 'systemPrompt: this model draws classes'],
  [{ class: 'trench' }, ofClasses, 'no class is called "trench"'],
])('%j is refused', (given, loaded, message) => {
  expect(() => checkSubjects(request(given), loaded)).toThrow(
    expect.objectContaining({
      code: 'ERR_SVGT2I_INVALID_ARGUMENT',
      message: expect.stringContaining(message),
    }),
  );
});

it('a model that was trained without "none" is guided by a weaker one alone', () => {
  const { dit } = ofClasses.models;
  const loaded = { ...ofClasses, models: { ...ofClasses.models, dit: { ...dit, noneClass: false } } };
  const two = { ...loaded, layout: { weakDit: '/r/small.pt' } };
  expect(() => checkSubjects(request({ class: 2 }), loaded)).toThrow(
    expect.objectContaining({
      message: expect.stringContaining('guidanceScale: 4 moves away from pictures without a class'),
      hint: expect.stringContaining('--guidance 1'),
    }),
  );
  expect(checkSubjects(request({ class: 2, guidanceScale: 1 }), loaded).prompt).toEqual(['class 2']);
  expect(checkSubjects(request({ class: 2 }), two).prompt).toEqual(['class 2']);
});

it('a model without a step cache refuses one', () => {
  const { dit } = ofText.models;
  const loaded = (stepCache: boolean) => ({
    ...ofText,
    models: { ...ofText.models, dit: { ...dit, stepCache } },
  });
  expect(() => checkSubjects(request({ prompt: 'a fox', stepCache: 0.3 }), loaded(false))).toThrow(
    expect.objectContaining({
      code: 'ERR_SVGT2I_INVALID_ARGUMENT',
      message: 'stepCache: this model has no step cache',
      hint: expect.stringContaining('--step-cache 0'),
    }),
  );
  for (const [given, has] of [
    [0.3, true],
    [0, false],
  ] as const) {
    expect(checkSubjects(request({ prompt: 'a fox', stepCache: given }), loaded(has)).prompt).toEqual([
      'a fox',
    ]);
  }
});

it.each([[{}], [{ prompt: 'a', class: 1 }]])('%j says not what to draw', (given) => {
  expect(requestSchema.safeParse(given).success).toBe(false);
});

it.each([
  [{}, { name: 'euler', steps: 26, shift: 1 / 0.15 }],
  [
    { solver: 'dpm++', steps: 20 },
    { name: 'dpm++', steps: 20 },
  ],
])('steps and shift count as in SVG: %j', (given, solver) => {
  const items = [
    { index: 0, seed: 5, prompt: 'tench', class: { number: 1, name: 'tench' }, noise: undefined },
  ];
  const options = {
    latent: { channels: 4, cellPixels: 16 },
    returnLatents: false,
    returnDecoded: false,
    previewEvery: 0,
  };
  const asked = request({ class: 1, guidanceSchedule: 'cfg_star-1-0', ...given });
  const job = sampleJob(asked, undefined, items, { kind: DIT_KINDS.svg, ...options });
  expect(job.request).toMatchObject({
    solver,
    guidance: { schedule: 'cfg_star-1-0', mode: 'standard' },
    items: [{ seed: 5, class: 1, width: 256, height: 256 }],
  });
  expect(job.request.items[0]).not.toHaveProperty('prompt');
  expect(job.tensors).toEqual({});
});

it.each(['interval', 'early', 'cfg_star-1', 'cfg_star-1.5-0', 'late-1', ''])('no schedule: %j', (name) => {
  expect(requestSchema.safeParse({ class: 1, guidanceSchedule: name }).success).toBe(false);
});

it('a schedule that counts steps needs a solver that does', () => {
  const adaptive = { class: 1, solver: 'dopri5' };
  expect(requestSchema.safeParse({ ...adaptive, guidanceSchedule: 'late' }).success).toBe(false);
  expect(requestSchema.safeParse({ ...adaptive, guidanceSchedule: 'early-0.3' }).success).toBe(true);
});

it('a picture remembers its class', () => {
  const { prompt: _, class: __, ...settings } = request({ class: 1, guidanceSchedule: 'late' });
  const layout = { dit: '/r/V1-SVG-XL.pt' };
  const parameters = askedMetadata({
    ...{ request: settings, prompt: 'tench', class: { number: 1, name: 'tench' } },
    ...{ seed: 9, layout, attentionSoftCap: false },
  });
  expect(parameters).toMatchObject({ class: 1, prompt: 'tench', shift: 0.15, guidanceSchedule: 'late' });
  expect(parameters).not.toHaveProperty('negativePrompt');
  const again = requestFromParameters(parameters);
  expect(again).toMatchObject({ class: 1, seed: 9, steps: 25, guidanceSchedule: 'late' });
  expect(again).not.toHaveProperty('prompt');
});
