import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { floatsAsFloats, parsePythonJson } from '../../lib/python-json.js';

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

it('reads what Python writes for missing numbers, outside of texts', () => {
  const text = '{"a": NaN, "b": [-Infinity, Infinity, 1e5], "c": "NaN \\\\\\" Infinity", "NaN": true}';
  expect(parsePythonJson(text)).toEqual({ a: 0, b: [0, 0, 1e5], c: 'NaN \\" Infinity', NaN: true });
  for (const wrong of ['NaNs', '{"a": Infinite}', '[nan]', '{"a": "NaN}'])
    expect(() => parsePythonJson(wrong)).toThrow(SyntaxError);
  expect(parsePythonJson(`["${'\\\\'.repeat(1e6)}", NaN]`)).toHaveLength(2);
});

it('the embedded text encoder is one that transformers reads', () => {
  const folder = fileURLToPath(new URL('../../models/shapes/gemma-2-2b/', import.meta.url));
  const config = readFileSync(`${folder}config.json`, 'utf8');
  const floats = ['attn_logit_softcapping', 'final_logit_softcapping', 'rope_theta'];
  for (const key of floats) expect(config).toMatch(new RegExp(`"${key}": \\d+\\.0,`));
  const tokenizer: unknown = JSON.parse(readFileSync(`${folder}tokenizer_config.json`, 'utf8'));
  expect(tokenizer).toMatchObject({ tokenizer_class: 'PreTrainedTokenizerFast', padding_side: 'left' });
});
