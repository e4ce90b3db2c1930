import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import { askYesNo } from '../../lib/cli/ask.js';

function terminal() {
  const [input, output] = [new PassThrough(), new PassThrough()];
  return { input, output };
}

it.each([
  ['\n', true],
  ['y\n', true],
  [' Yes \n', true],
  ['n\n', false],
  ['what?\n', false],
])('%j is %s', async (typed, expected) => {
  const { input, output } = terminal();
  const answer = askYesNo('Fetch it?', { input, output });
  input.write(typed);
  expect(await answer).toBe(expected);
  expect(String(output.read())).toBe('Fetch it? [Y/n] ');
});

it('the end of the input is a no', async () => {
  const { input, output } = terminal();
  const answer = askYesNo('Fetch it?', { input, output });
  input.end();
  expect(await answer).toBe(false);
});

it('a signal ends it with its reason', async () => {
  const stop = new AbortController();
  const enough = new Error('enough');
  const answer = askYesNo('Fetch it?', { ...terminal(), signal: stop.signal });
  stop.abort(enough);
  await expect(answer).rejects.toBe(enough);
});
