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
  expect(read(ditConfigFile(model, false))).toEqual({ kind, dimensions, attentionSoftCap: false });
});
