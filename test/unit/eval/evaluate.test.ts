/** `evaluate()`: kinds, options, and errors that show where the call came from. */
import { expect, it } from 'vitest';
import { type EvaluateRequest, evaluate } from '../../../lib/eval/evaluate.js';

const wrong = (request: unknown) => evaluate(request as EvaluateRequest);

it.each([
  [undefined, 'evaluate() takes an object with a kind, got nothing'],
  [{ set: 'out' }, "evaluate() takes an object with a kind, got { set: 'out' }"],
  [{ kind: 'image' }, 'evaluate() knows no kind "image"; did you mean images?'],
  [{ kind: 'toString' }, 'evaluate() knows no kind "toString"'],
])('refuses %j', async (request, message) => {
  await expect(wrong(request)).rejects.toMatchObject({
    code: 'ERR_SVGT2I_INVALID_ARGUMENT',
    message,
    hint: expect.stringContaining('kind is one of '),
  });
});

it('names an unknown key, and the nearest', async () => {
  await expect(wrong({ kind: 'images', set: 'a', refrence: 'b' })).rejects.toMatchObject({
    code: 'ERR_SVGT2I_INVALID_ARGUMENT',
    message: expect.stringContaining('refrence'),
    hint: expect.stringContaining('reference'),
  });
});

it('refuses options that are none', async () => {
  const request = { kind: 'images', set: 'a', metrics: ['is'] } as const;
  await expect(evaluate(request, { signal: 3 as never })).rejects.toThrow('signal');
  await expect(evaluate(request, { onEvent: 'x' as never })).rejects.toThrow('onEvent');
});

it('shows the call in the stack of its error', async () => {
  async function whoCalls() {
    await evaluate({ kind: 'images', set: '/nowhere', metrics: ['is'], inception: 'x' });
  }
  const error = await whoCalls().catch((reason: Error) => reason);
  expect(error).toMatchObject({ code: 'ERR_SVGT2I_FILE_NOT_FOUND' });
  expect((error as Error).stack).toContain('whoCalls');
});
