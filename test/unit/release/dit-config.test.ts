/** model_args.json beside a transformer's weights. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ditTrainingSchema } from '../../../lib/config/train-dit.js';
import { ditConfigFile, readDitConfig } from '../../../lib/release/dit-config.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'svg-dit-config-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const read = (text: string) => {
  writeFileSync(join(folder, 'model_args.json'), text);
  return readDitConfig(join(folder, 'weights.pt'));
};

it.each([{}, { num_heads: 16 }, { num_heads: 3, qk_norm: false }])(
  'of a class-conditional model it may say what the weights do not, and nothing more is taken as said: %j',
  (said) => {
    expect(read(JSON.stringify({ kind: 'svg', ...said }))).toEqual({
      kind: 'svg',
      dimensions: said,
      attentionSoftCap: undefined,
    });
  },
);

it.each([
  ['svg', { num_classes: 1000, class_dropout_prob: 0 }],
  ['rae-dit', { num_classes: 1000, arch: 'rae_ditdh_s' }],
  ['rae-dit', { class_dropout_prob: 0.1, hidden_size: [1152, 2048], num_heads: 16, use_rope: false }],
] as const)('of %s it may say how its labels are counted: %j', (kind, said) => {
  expect(read(JSON.stringify({ kind, ...said }))).toMatchObject({ kind, dimensions: said });
});

it.each([
  [{ kind: 'rae-dit', class_dropout_prob: 2 }, 'class_dropout_prob'],
  [{ kind: 'rae-dit', hidden_size: [1, 2, 3] }, 'must be a number or a list of two'],
  [{ kind: 'rae-dit', heads: 16 }, 'unknown key "heads"'],
  [{ kind: 'svg', heads: 16 }, 'unknown key "heads"'],
  [{ kind: 'svg', num_heads: 0 }, 'num_heads'],
  [{ num_heads: 16 }, 'unknown key "num_heads"'],
])('%j is refused', (said, message) => {
  expect(() => read(JSON.stringify(said))).toThrow(message);
});

it('is read as training wrote it', () => {
  const { model } = ditTrainingSchema.parse({
    model: { kind: 'svg', preset: 'B', num_classes: 10 },
    data: { sets: [{ path: 'pictures' }], resolution: 256 },
    steps: 1,
    batch: { global: 2 },
  });
  const { kind, ...dimensions } = model;
  // So that a table of eleven labels is read as ten classes and "none", and one of 1000 as 999.
  expect(dimensions).toMatchObject({ num_classes: 10 });
  expect(read(ditConfigFile(model, undefined))).toEqual({ kind, dimensions, attentionSoftCap: undefined });
});
