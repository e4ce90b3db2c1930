/** The command that a report names is one that a shell takes, and that gives the same settings. */
import { expect, it } from 'vitest';
import { imagesSchema } from '../../../lib/config/eval/images.js';
import { commandLine, shellCommand } from '../../../lib/eval/command-line.js';

it('has a flag for each value that is not the usual one', () => {
  const values = imagesSchema.parse({
    set: 'a b',
    reference: "it's.npz",
    metrics: ['fid', 'kid'],
    kidSubsets: 10,
    autoOrient: false,
    seed: 2020,
  });
  const schema = imagesSchema.omit({ set: true, reference: true });
  expect(commandLine(['eval', 'images', 'a b', "it's.npz"], { schema, values })).toBe(
    `svg-t2i eval images 'a b' 'it'\\''s.npz' --metrics fid,kid --kid-subsets 10 --no-auto-orient`,
  );
});

it('quotes what was typed', () => {
  expect(shellCommand(['eval', 'images', '$HOME', 'x'])).toBe("svg-t2i eval images '$HOME' x");
});
