import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadSampleConfig } from '../../lib/cli/sample-config.js';
import { findModelDefaults, readModelDefaults, readTrainedSizes } from '../../lib/pipeline/model-defaults.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'svg-t2i defaults '));
});
afterAll(() => rm(folder, { recursive: true }));

const write = (text: string) => writeFile(join(folder, 'defaults.yaml'), text);

it('has none where the release has no such file, or is not there', async () => {
  expect(readModelDefaults(folder)).toEqual({});
  expect(findModelDefaults({ pretrained: join(folder, 'absent') })).toEqual({});
});

it('holds what the file says and nothing else', async () => {
  await write('width: 64\nheight: 64\nsystemPrompt: empty\n');
  expect(findModelDefaults({ pretrained: folder })).toEqual({
    width: 64,
    height: 64,
    systemPrompt: 'empty',
  });
});

it('comes below what the user says and above the defaults of the command', async () => {
  await write('width: 64\nsteps: 20\n');
  const { sample } = await loadSampleConfig({
    defaults: { sample: { steps: 30, batchSize: 4 } },
    flags: { model: { pretrained: folder }, sample: { width: 128 } },
  });
  expect(sample).toMatchObject({ width: 128, steps: 20, batchSize: 4, height: 1024 });
});

it('tells apart what the models were trained on', async () => {
  await write('width: 64\ntrainedSizes: [64x64, 64x96]\n');
  expect(readModelDefaults(folder)).toEqual({ width: 64 });
  expect(readTrainedSizes(folder)).toEqual(['64x64', '64x96']);
  await write('width: 64\n');
  expect(readTrainedSizes(folder)).toBeUndefined();
});

it.each([
  ['trainedSizes: [64]\n', /defaults\.yaml: trainedSizes\.0: must be a text, got 64/],
  ['trainedSizes: [big]\n', /defaults\.yaml: trainedSizes\.0: must be WIDTHxHEIGHT, got "big"/],
  ['trainedSizes: []\n', /defaults\.yaml: trainedSizes: /],
])('refuses %j', async (text, message) => {
  await write(text);
  expect(() => readTrainedSizes(folder)).toThrow(message);
});

it.each([
  ['widht: 64\n', /defaults\.yaml: unknown key "widht", did you mean "width"/],
  ['width: 65\n', /defaults\.yaml: width: /],
  ['a: [\n', /defaults\.yaml: /],
  ['[]\n', /defaults\.yaml: /],
])('refuses %j', async (text, message) => {
  await write(text);
  expect(() => readModelDefaults(folder)).toThrow(message);
});
