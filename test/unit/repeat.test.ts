import { describe, expect, it } from 'vitest';
import { settingsSchema } from '../../lib/config/request.js';
import { encodeImage } from '../../lib/image/encode.js';
import { readParameters } from '../../lib/image/parameters.js';
import { rgbImage } from '../../lib/image/rgb-image.js';
import { askedMetadata, differences } from '../../lib/pipeline/metadata.js';
import { repetitionOf, requestFromParameters } from '../../lib/pipeline/repeat.js';

const known = { layout: { dit: 'a/dit/x.pth' }, attentionSoftCap: true };

it.each([
  {},
  { solver: 'heun', steps: 7, shift: 3.5 },
  { solver: 'dopri5', atol: 1e-4, rtol: 1e-2 },
  { solver: 'dpm++', order: 3, method: 'singlestep', skipType: 'logSNR' },
  { guidanceMode: 'standard', guidanceScale: 2.5, guidanceUntil: 0.5, negativePrompt: 'blur' },
  { systemPrompt: 'a text of my own', width: 48, height: 32 },
] as const)('what a picture stores asks for the same picture: %j', (settings) => {
  const request = settingsSchema.parse({ ...settings, count: 5, batchSize: 2, seedMode: 'same' });
  const parameters = askedMetadata({ request, prompt: 'a fox', seed: 12, ...known });
  const again = requestFromParameters(JSON.parse(JSON.stringify(parameters)) as typeof parameters);
  expect(again).toMatchObject({ prompt: 'a fox', seed: 12, count: 1 });
  const { prompt = '', class: _, ...rest } = again;
  const asked = askedMetadata({ request: settingsSchema.parse(rest), prompt, seed: 12, ...known });
  expect(asked).toEqual(parameters);
});

it('a picture that was drawn with the other cap is another one; one that does not say is not', () => {
  const asked = { request: settingsSchema.parse({}), prompt: 'a', seed: 0, ...known };
  const capped = askedMetadata(asked);
  const plain = askedMetadata({ ...asked, attentionSoftCap: false });
  const { attentionSoftCap: _, ...silent } = capped;
  expect(differences(capped, plain)).toEqual(['attentionSoftCap']);
  expect(differences(capped, silent)).toEqual([]);
  expect(differences(plain, silent)).toEqual([]);
});

it('asks for the size of a picture whose autoencoder has other cells than the published ones', () => {
  const { settings } = repetitionOf({ prompt: 'a', width: 248, height: 8 });
  expect(settings).toMatchObject({ width: 248, height: 8 });
  expect(() => repetitionOf({ prompt: 'a', width: 24.5 }, 'x.png')).toThrow(/x\.png: width: /);
});

it('takes what it knows and leaves the rest', () => {
  const parameters = {
    software: 'svg-t2i 9',
    prompt: 'a',
    steps: 3,
    dtype: 'bf16',
    attentionSoftCap: false,
    evaluations: 3,
    new: [1],
  };
  expect(repetitionOf(parameters)).toEqual({
    prompt: 'a',
    settings: { steps: 3, count: 1 },
    cut: [],
    models: { dtype: 'bf16', attentionSoftCap: false },
    warnings: [],
  });
  const odd = { prompt: 'a', dtype: 'fp8', attentionSoftCap: 50, noise: 'given' };
  expect(repetitionOf(odd, 'x.png')).toMatchObject({
    models: { dtype: undefined, attentionSoftCap: undefined },
    warnings: ['x.png was drawn from noise that its maker gave; its seed draws another one'],
  });
});

describe('of a picture without room for all of its texts', () => {
  const cutTo = async (texts: object) => {
    const bytes = await encodeImage(rgbImage(1, 1, new Uint8Array(3)), {
      format: 'jpeg',
      parameters: { steps: 3, negativePrompt: 'blur', systemPrompt: 'align', ...texts },
    });
    const read = await readParameters(bytes);
    if (read?.shortened !== true) throw new Error('the texts are too short for this test');
    return read;
  };
  const long = '写'.repeat(20_000);

  it('what is whole is repeated', async () => {
    const { prompt, settings, cut, warnings } = repetitionOf(await cutTo({ prompt: long }));
    expect({ prompt, cut, warnings }).toEqual({ prompt: undefined, cut: ['prompt'], warnings: [] });
    expect(settings).toEqual({ steps: 3, count: 1, negativePrompt: 'blur', systemPrompt: 'align' });
    const ofEnhanced = await cutTo({ prompt: 'a', enhancedPrompt: long });
    expect(requestFromParameters(ofEnhanced)).toMatchObject({ prompt: 'a', negativePrompt: 'blur' });
  });

  it('what is cut is left out, with a remark, and refused by requestFromParameters', async () => {
    const parameters = await cutTo({ prompt: 'a', negativePrompt: long, systemPrompt: `${long}a` });
    const { prompt, settings, cut, warnings } = repetitionOf(parameters, 'x.jpg');
    expect({ prompt, settings, cut }).toEqual({
      prompt: 'a',
      settings: { steps: 3, count: 1 },
      cut: ['negativePrompt', 'systemPrompt'],
    });
    expect(warnings).toEqual(
      ['negativePrompt', 'systemPrompt'].map(
        (text) => `x.jpg had no room for its whole ${text}, which is not repeated: give it again`,
      ),
    );
    expect(() => requestFromParameters(parameters)).toThrow(
      expect.objectContaining({
        code: 'ERR_SVGT2I_IMAGE',
        message: expect.stringContaining('its whole negativePrompt, systemPrompt'),
      }),
    );
  });

  it('nothing is taken for whole where nothing had room', () => {
    expect(repetitionOf({ shortened: true }).cut).toEqual(['prompt', 'negativePrompt', 'systemPrompt']);
  });
});

it.each([
  [{ prompt: 'a', pictures: [{}, {}] }, 'ERR_SVGT2I_IMAGE', 'the picture is a grid of 2 pictures'],
  [{ prompt: 'a', shortened: true }, 'ERR_SVGT2I_IMAGE', 'had no room for its whole prompt'],
  [{ steps: 3 }, 'ERR_SVGT2I_IMAGE', 'had no room'],
  [{ prompt: 'a', steps: 0 }, 'ERR_SVGT2I_INVALID_CONFIG', 'the picture: steps: must be at least 1, got 0'],
  [{ prompt: 'a', solver: 'ddim' }, 'ERR_SVGT2I_INVALID_CONFIG', 'the picture: solver: must be one of'],
  [{ prompt: 5 }, 'ERR_SVGT2I_INVALID_CONFIG', 'the picture: prompt: must be a text'],
])('refuses %j', (parameters, code, message) => {
  expect(() => requestFromParameters(parameters)).toThrow(
    expect.objectContaining({ code, message: expect.stringContaining(message) }),
  );
});
