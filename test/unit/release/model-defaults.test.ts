import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadSampleConfig } from '../../../lib/cli/sample-config.js';
import { settleAttentionSoftCap, softCapWarning } from '../../../lib/release/attention-soft-cap.js';
import { ditConfigFile, readDitConfig } from '../../../lib/release/dit-config.js';
import { EMBEDDED_MODEL } from '../../../lib/release/embedded-model.js';
import { FoundRelease } from '../../../lib/release/found-release.js';
import { readDefaultsFile } from '../../../lib/release/model-defaults.js';
import { sampleDefaults } from '../../../lib/release/sample-defaults.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'svg-t2i defaults '));
});
afterAll(() => rm(folder, { recursive: true }));

const read = (cellPixels?: number) => readDefaultsFile(folder).read(cellPixels);
const write = (text: string) => writeFile(join(folder, 'defaults.yaml'), text);

it('has none where the release has no such file, or is not there', async () => {
  const none = { settings: {}, attentionSoftCap: undefined, trainedSizes: undefined };
  expect(read()).toEqual(none);
  expect(sampleDefaults(new FoundRelease({ pretrained: join(folder, 'absent') }))).toEqual(none);
});

it('holds what the file says and nothing else', async () => {
  await write('width: 64\nheight: 64\nsystemPrompt: empty\nattentionSoftCap: true\n');
  expect(sampleDefaults(new FoundRelease({ pretrained: folder }))).toEqual({
    settings: { width: 64, height: 64, systemPrompt: 'empty' },
    attentionSoftCap: true,
    trainedSizes: undefined,
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
  expect(read()).toEqual({
    settings: { width: 64 },
    attentionSoftCap: undefined,
    trainedSizes: ['64x64', '64x96'],
  });
  await write('width: 64\n');
  expect(read().trainedSizes).toBeUndefined();
});

it.each([
  ['trainedSizes: [64]\n', /defaults\.yaml: trainedSizes\.0: must be a text, got 64/],
  ['trainedSizes: [big]\n', /defaults\.yaml: trainedSizes\.0: must be WIDTHxHEIGHT, got "big"/],
  ['trainedSizes: []\n', /defaults\.yaml: trainedSizes: /],
])('refuses %j', async (text, message) => {
  await write(text);
  expect(() => read()).toThrow(message);
});

it.each([
  ['widht: 64\n', /defaults\.yaml: unknown key "widht", did you mean "width"/],
  ['attentionSoftCap: 30\n', /defaults\.yaml: attentionSoftCap: /],
  ['width: 65\n', /defaults\.yaml: width: /],
  ['a: [\n', /defaults\.yaml: /],
  ['[]\n', /defaults\.yaml: /],
])('refuses %j', async (text, message) => {
  await write(text);
  expect(() => read(16)).toThrow(message);
});

describe('the cap on attention scores', () => {
  it('follows the caller, then the transformer, then the release, and is off as in the original', async () => {
    await write('attentionSoftCap: true\n');
    expect(settleAttentionSoftCap({ asked: undefined })).toBe(false);
    const ofRelease = () => read().attentionSoftCap;
    const ofNone = () => readDefaultsFile(join(folder, 'absent')).read(16).attentionSoftCap;
    expect(settleAttentionSoftCap({ asked: undefined, ofRelease: ofNone })).toBe(false);
    expect(settleAttentionSoftCap({ asked: undefined, ofRelease })).toBe(true);
    expect(settleAttentionSoftCap({ asked: undefined, trained: false, ofRelease })).toBe(false);
    expect(settleAttentionSoftCap({ asked: true, trained: false, ofRelease })).toBe(true);
    expect(settleAttentionSoftCap({ asked: false, ofRelease })).toBe(false);
  });

  it('warns where a caller asks for other features than the transformer knows', () => {
    expect(softCapWarning(true, undefined)).toBeUndefined();
    expect(softCapWarning(true, true)).toBeUndefined();
    expect(softCapWarning(true, false)).toMatch(/trained without a cap .* draws with it/);
    expect(softCapWarning(false, true)).toMatch(/trained with a cap .* draws without it/);
  });

  it('is written beside a transformer and read again, and may be missing there', async () => {
    const model = { dim: 96, n_layers: 2, n_heads: 2, in_channels: 64 };
    const weights = join(folder, 'consolidated.00-of-01.pth');
    expect(readDitConfig(weights)).toBeUndefined();
    await writeFile(join(folder, 'model_args.json'), ditConfigFile(model, true));
    expect(readDitConfig(weights)).toMatchObject({ dimensions: model, attentionSoftCap: true });
    await writeFile(join(folder, 'model_args.json'), JSON.stringify(model));
    expect(readDitConfig(weights)).toMatchObject({ dimensions: model, attentionSoftCap: undefined });
    await writeFile(join(folder, 'model_args.json'), '{"attention_soft_cap": 50}');
    expect(() => readDitConfig(weights)).toThrow(/model_args\.json: attention_soft_cap/);
  });

  it('of the embedded model is what it was trained with', () => {
    expect(readDefaultsFile(EMBEDDED_MODEL).read(16).attentionSoftCap).toBe(true);
  });
});
