import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { floatsAsFloats } from '../../lib/pipeline/python-json.js';

it('writes the numbers of some keys with a decimal point', () => {
  const value = { a: 30, b: { a: -2, c: 1 }, d: 'a": 5', e: [3], f: 0.5, g: null, a2: 7 };
  const text = floatsAsFloats(value, ['a', 'e', 'f']);
  expect(text.split('\n')).toEqual([
    '{',
    ' "a": 30.0,',
    ' "b": {',
    '  "a": -2.0,',
    '  "c": 1',
    ' },',
    ' "d": "a\\": 5",',
    ' "e": [',
    '  3',
    ' ],',
    ' "f": 0.5,',
    ' "g": null,',
    ' "a2": 7',
    '}',
  ]);
  expect(JSON.parse(text)).toEqual(value);
});

it('the embedded text encoder is one that transformers reads', () => {
  const folder = fileURLToPath(new URL('../../models/shapes/gemma-2-2b/', import.meta.url));
  const config = readFileSync(`${folder}config.json`, 'utf8');
  const floats = ['attn_logit_softcapping', 'final_logit_softcapping', 'rope_theta'];
  for (const key of floats) expect(config).toMatch(new RegExp(`"${key}": \\d+\\.0,`));
  const tokenizer: unknown = JSON.parse(readFileSync(`${folder}tokenizer_config.json`, 'utf8'));
  expect(tokenizer).toMatchObject({ tokenizer_class: 'PreTrainedTokenizerFast', padding_side: 'left' });
});
