/** eval.jsonl: whole lines, one a step and set, numbers that JSON has no word for included. */
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { EvaluationFile } from '../../../lib/eval/watch/evaluations.js';
import type { CheckpointEvaluation } from '../../../lib/eval/watch/types.js';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'svg-watch-lines-'));
  path = join(folder, 'eval.jsonl');
});
afterEach(() => rmSync(folder, { recursive: true }));

const line = (step: number, more: Partial<CheckpointEvaluation> = {}): CheckpointEvaluation => ({
  step,
  checkpoint: 'c',
  set: 's',
  trained: null,
  values: { psnr: step },
  seconds: 1,
  time: '2026-01-01T00:00:00.000Z',
  ...more,
});
const textLines = () => readFileSync(path, 'utf8').split('\n');

it('gives back what it was given, an infinite value too', async () => {
  const file = await EvaluationFile.open(path);
  const values = { psnr: Number.POSITIVE_INFINITY, ssim: null, lpips: -0.5 };
  await file.add(line(4));
  await file.add(line(2, { values, trained: 'then', grid: 'eval/a.png' }));
  expect(textLines()[1]).toContain('"psnr":"inf","ssim":null');
  const again = await EvaluationFile.open(path);
  expect(again.lines).toEqual([line(2, { values, trained: 'then', grid: 'eval/a.png' }), line(4)]);
});

it('leaves out a torn line and strangers, and goes on behind whole ones', async () => {
  const file = await EvaluationFile.open(path);
  await file.add(line(2));
  appendFileSync(path, '{"step": 3}\nnonsense\n{"step":4,"check');
  const again = await EvaluationFile.open(path);
  await again.add(line(6));
  expect(textLines()).toEqual([JSON.stringify(line(2)), JSON.stringify(line(6)), '']);
});

it('has one line a step and set: the last', async () => {
  const file = await EvaluationFile.open(path);
  await file.add(line(2));
  await file.add(line(2, { set: 'other' }));
  await file.add(line(2, { checkpoint: 'd' }));
  expect(textLines()).toHaveLength(3);
  expect(file.get({ step: 2, set: 's' })?.checkpoint).toBe('d');
  expect(await file.cut(({ set }) => set === 's')).toEqual([line(2, { set: 'other' })]);
  expect(textLines()).toEqual([JSON.stringify(line(2, { checkpoint: 'd' })), '']);
});
