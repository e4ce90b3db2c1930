// `evaluate({ kind: 'shapes' })` with the model of the package: drawn and reconstructed, told of, written, stopped.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { type EvaluateEvent, evaluate } from '../../dist/index.js';

const folder = mkdtempSync(join(tmpdir(), 'svg-t2i-shapes-'));
afterAll(() => rmSync(folder, { recursive: true }));

const small = {
  kind: 'shapes',
  categories: ['single_object'],
  perCategory: 2,
  model: { device: 'cpu', threads: 1 },
} as const;

it('draws, judges and writes', async () => {
  const events: EvaluateEvent[] = [];
  const out = join(folder, 'drawn');
  const drawn = await evaluate({ ...small, out }, { onEvent: (event) => events.push(event) });
  expect(drawn).toMatchObject({ prompts: 2, categories: { counting: null } });
  for (const path of Object.values(drawn.files ?? {})) expect([path, existsSync(path)]).toEqual([path, true]);
  expect(events.filter(({ type }) => type === 'progress')).toEqual([
    { type: 'progress', done: 1, total: 2, what: 'pictures' },
    { type: 'progress', done: 2, total: 2, what: 'pictures' },
  ]);
  const again = await evaluate(small);
  expect({ ...again }).toEqual({ overall: drawn.overall, categories: drawn.categories, prompts: 2 });
});

it('judges what is drawn in int8', async () => {
  const model = { ...small.model, dtype: 'int8' } as const;
  const drawn = await evaluate({ ...small, model });
  expect(drawn).toMatchObject({ prompts: 2, categories: { single_object: expect.any(Number) } });
});

it('judges reconstructions, square ones alone', async () => {
  const rebuilt = await evaluate({ ...small, reconstruct: true });
  expect(rebuilt).toMatchObject({ prompts: 2, categories: { single_object: expect.any(Number) } });
  const wide = evaluate({ ...small, reconstruct: true, sample: { width: 128 } });
  await expect(wide).rejects.toThrow('scenes are square, they cannot be drawn with 128x64 pixels');
});

it('stops where its signal says so', async () => {
  const controller = new AbortController();
  const reason = new Error('enough');
  const stopped = evaluate(
    { ...small, perCategory: 50 },
    { signal: controller.signal, onEvent: () => controller.abort(reason) },
  );
  await expect(stopped).rejects.toBe(reason);
});
