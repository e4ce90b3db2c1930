import { describe, expect, it } from 'vitest';
import { enhanceInstruction, tidyEnhancedPrompt } from '../../lib/pipeline/enhance.js';

describe('tidyEnhancedPrompt', () => {
  it.each([
    ['first line alone', '\n  A cat sits.  \nSecond line.', 'A cat sits.'],
    ['a label is cut', 'Enhanced description: A cat sits', 'A cat sits'],
    ['a colon that ends no label stays', 'Time: a cat sits', 'Time: a cat sits'],
    ['a colon far behind stays', `${'x'.repeat(45)} prompt: y`, `${'x'.repeat(45)} prompt: y`],
    ['repeated clauses go', 'a cat, A CAT, , red, red, blue', 'a cat, red, blue'],
    ['four clauses at most', 'a, b, c, d, e', 'a, b, c, d'],
    ['an empty answer gives the prompt', ' \n ', 'the prompt'],
    ['commas alone give the prompt', ', ,', 'the prompt'],
  ])('%s', (_, answer, expected) => {
    expect(tidyEnhancedPrompt(answer, 'the prompt')).toBe(expected);
  });

  it('cuts at a word after 256 characters', () => {
    const tidy = tidyEnhancedPrompt('word '.repeat(100), 'p');
    expect(tidy.length).toBeLessThanOrEqual(256);
    expect(tidy.endsWith('word')).toBe(true);
  });
});

it('the instruction ends where Gemma goes on', () => {
  expect(enhanceInstruction('a cat')).toMatch(/Idea: a cat\nDescription:$/);
});
