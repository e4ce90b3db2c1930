import { expect, it } from 'vitest';
import { settingsSchema } from '../../lib/config/request.js';
import { askedMetadata } from '../../lib/pipeline/metadata.js';
import { repetitionOf, requestFromParameters } from '../../lib/pipeline/repeat.js';

const layout = { dit: 'a/dit/x.pth' };

it.each([
  {},
  { solver: 'heun', steps: 7, shift: 3.5 },
  { solver: 'dopri5', atol: 1e-4, rtol: 1e-2 },
  { solver: 'dpm++', order: 3, method: 'singlestep', skipType: 'logSNR' },
  { guidanceMode: 'standard', guidanceScale: 2.5, guidanceUntil: 0.5, negativePrompt: 'blur' },
  { systemPrompt: 'a text of my own', width: 48, height: 32 },
] as const)('what a picture stores asks for the same picture: %j', (settings) => {
  const request = settingsSchema.parse({ ...settings, count: 5, batchSize: 2, seedMode: 'same' });
  const parameters = askedMetadata({ request, prompt: 'a fox', seed: 12, layout });
  const again = requestFromParameters(JSON.parse(JSON.stringify(parameters)) as typeof parameters);
  expect(again).toMatchObject({ prompt: 'a fox', seed: 12, count: 1 });
  const { prompt, ...rest } = again;
  const asked = askedMetadata({ request: settingsSchema.parse(rest), prompt, seed: 12, layout });
  expect(asked).toEqual(parameters);
});

it('takes what it knows and leaves the rest', () => {
  const parameters = {
    software: 'svg-t2i 9',
    prompt: 'a',
    steps: 3,
    dtype: 'bf16',
    evaluations: 3,
    new: [1],
  };
  expect(repetitionOf(parameters)).toEqual({
    prompt: 'a',
    settings: { steps: 3, count: 1 },
    dtype: 'bf16',
    warnings: [],
  });
  expect(repetitionOf({ prompt: 'a', dtype: 'fp8', noise: 'given' }, 'x.png')).toMatchObject({
    dtype: undefined,
    warnings: ['x.png was drawn from noise that its maker gave; its seed draws another one'],
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
