import { expect, it } from 'vitest';
import { PhaseTimes, phaseText } from '../../lib/cli/phase-times.js';

it('a phase ends where the next one begins', () => {
  let now = 0;
  const times = new PhaseTimes(() => now);
  const after = (milliseconds: number, tell: () => void) => {
    now += milliseconds;
    tell();
  };
  expect(times.seconds()).toBeUndefined();
  after(400, () => times.loading('dit'));
  after(1500, () => times.loading('textEncoder'));
  after(250, () => times.drawing());
  after(1000, () => times.drawing());
  after(2000.4, () => undefined);
  const seconds = times.seconds();
  expect(seconds).toEqual({ start: 0.4, load: { dit: 1.5, textEncoder: 0.25 }, draw: 3, total: 5.15 });
  expect(seconds === undefined ? '' : phaseText(seconds)).toBe(
    '0.4 s to start, loading dit 1.5 s, loading textEncoder 0.25 s, drawing 3 s: 5.15 s in all',
  );
});
