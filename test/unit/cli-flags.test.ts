import { Readable } from 'node:stream';
import { Command } from 'commander';
import { expect, it } from 'vitest';
import {
  addFlags,
  flagNames,
  flagTree,
  MODEL_FLAGS,
  OUTPUT_FLAGS,
  parseSize,
  SAMPLE_FLAGS,
} from '../../lib/cli/flags.js';
import { gatherPrompts } from '../../lib/cli/prompts.js';
import { modelSchema } from '../../lib/config/model.js';
import { settingsSchema } from '../../lib/config/request.js';
import { outputSchema } from '../../lib/config/sample.js';

const all = [...SAMPLE_FLAGS, ...OUTPUT_FLAGS, ...MODEL_FLAGS];

function parse(...argv: string[]): Record<string, unknown> {
  return addFlags(new Command(), 'Flags:', all).parse(argv, { from: 'user' }).opts();
}

it('every setting has a flag, width and height together', () => {
  const keys = [
    ...Object.keys(settingsSchema.shape).map((key) => `sample.${key}`),
    ...Object.keys(outputSchema.shape).map((key) => `output.${key}`),
    ...Object.keys(modelSchema.shape).map((key) => `model.${key}`),
  ].filter((key) => key !== 'sample.width' && key !== 'sample.height');
  expect([...new Set(all.map((flag) => flag.path))].sort()).toEqual(keys.sort());
});

it('only given flags become configuration, numbers as numbers', () => {
  const values = parse('--steps', '7', '--solver', 'euler', '-o', 'x.png', '--grid', '--seed', 'random');
  expect(flagTree(all, values)).toEqual({
    sample: { steps: 7, solver: 'euler', seed: 'random' },
    output: { path: 'x.png', grid: true },
  });
  const nameOf = flagNames(all, values);
  expect(nameOf('sample.steps')).toBe('--steps');
  expect(nameOf('sample.width')).toBeUndefined();
});

it('a value that is yes, no or not given has a flag for either', () => {
  expect(flagTree(all, parse())).toEqual({});
  expect(flagTree(all, parse('--attention-soft-cap'))).toEqual({ model: { attentionSoftCap: true } });
  expect(flagTree(all, parse('--no-attention-soft-cap'))).toEqual({ model: { attentionSoftCap: false } });
});

it('text that is no number is left for the schema to refuse', () => {
  expect(flagTree(all, parse('--steps', 'ten'))).toEqual({ sample: { steps: 'ten' } });
});

it('the help shows descriptions and defaults of the schema', () => {
  const help = addFlags(new Command(), 'Flags:', all).helpInformation();
  expect(help).toContain('how the flow is integrated: dpm++, euler');
});

it.each(['1024', '10x', 'x10', '-16x16', '16x16x16', '1.5x2', ''])('--size %j is refused', (text) => {
  expect(() => parseSize(text)).toThrow('must be WIDTHxHEIGHT');
});

it('--size is width first', () => {
  expect(parseSize('1280x720')).toEqual({ width: 1280, height: 720 });
});

function stdin(text: string | undefined): NodeJS.ReadStream {
  return Object.assign(Readable.from(text === undefined ? [] : [Buffer.from(text)]), {
    isTTY: text === undefined,
  }) as unknown as NodeJS.ReadStream;
}

it('prompts come from the argument, or from stdin a line each', async () => {
  expect(await gatherPrompts({ argument: 'a', file: undefined, stdin: stdin('b') })).toEqual(['a']);
  expect(await gatherPrompts({ argument: '-', file: undefined, stdin: stdin('b\nc\n') })).toEqual(['b', 'c']);
  expect(await gatherPrompts({ argument: undefined, file: undefined, stdin: stdin('b') })).toEqual(['b']);
});

it.each([
  [{ argument: undefined, file: undefined, stdin: stdin(undefined) }, 'no prompt was given'],
  [{ argument: 'a', file: 'p.txt', stdin: stdin('') }, 'a prompt and --prompts were both given'],
  [{ argument: '-', file: undefined, stdin: stdin('  \n') }, 'stdin holds no prompts'],
  [{ argument: undefined, file: '/nowhere/p.txt', stdin: stdin('') }, '/nowhere/p.txt'],
])('%#: %s', async (source, message) => {
  await expect(gatherPrompts(source)).rejects.toThrow(message);
});
