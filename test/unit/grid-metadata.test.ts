import { expect, it } from 'vitest';
import { gridMetadata, isGridOf } from '../../lib/pipeline/grid-metadata.js';

const members = [
  { prompt: 'a', seed: 1, steps: 3, evaluations: 7 },
  { prompt: 'a', seed: 2, steps: 3, evaluations: 9 },
];

it('says once what all pictures share, and of each what is its own', () => {
  expect(gridMetadata(members)).toEqual({
    prompt: 'a',
    steps: 3,
    pictures: [
      { seed: 1, evaluations: 7 },
      { seed: 2, evaluations: 9 },
    ],
  });
});

it('knows the grid of these pictures from others', () => {
  const stored = JSON.parse(JSON.stringify(gridMetadata(members))) as Record<string, unknown>;
  expect(isGridOf(stored, members)).toBe(true);
  expect(isGridOf(stored, members.slice(1))).toBe(false);
  expect(isGridOf(stored, [...members].reverse())).toBe(false);
  expect(isGridOf({ pictures: ['x', null] }, members)).toBe(false);
  expect(isGridOf({}, members)).toBe(false);
  expect(isGridOf({ prompt: 'a' }, [{ prompt: 'a' }])).toBe(false);
});

it('keeps pictures apart that carry other parameters, or none', () => {
  const mixed = [{ prompt: 'a', seed: 1 }, {}, { prompt: 'a', order: 2 }];
  expect(isGridOf(gridMetadata(mixed), mixed)).toBe(true);
  expect(isGridOf(gridMetadata(mixed), [{ prompt: 'a', seed: 1 }, { prompt: 'a' }, mixed[2] ?? {}])).toBe(
    false,
  );
});
