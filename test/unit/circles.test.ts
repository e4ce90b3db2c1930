import { expect, test } from 'vitest';
import { circlesOf } from '../../scripts/circles.mjs';

test('files in layers go round nowhere', () => {
  expect(
    circlesOf(
      new Map([
        ['a', ['b', 'c']],
        ['b', ['c']],
        ['c', []],
      ]),
    ),
  ).toEqual([]);
});

test('a circle is told from a file back to it, and one that stands beside it too', () => {
  expect(
    circlesOf(
      new Map([
        ['top', ['a']],
        ['a', ['b']],
        ['b', ['c']],
        ['c', ['a', 'self']],
        ['self', ['self']],
      ]),
    ),
  ).toEqual([
    ['a', 'b', 'c', 'a'],
    ['self', 'self'],
  ]);
});
