/** The event file of a watch: steps go up in it, and what was cut off leaves no trace. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { EventFile } from '../../../lib/eval/watch/event-file.js';
import type { CheckpointEvaluation } from '../../../lib/eval/watch/types.js';
import type { RgbImage } from '../../../lib/image/rgb-image.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'svg-watch-events-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const evaluation = (step: number, psnr: number | null = step): CheckpointEvaluation => ({
  step,
  checkpoint: 'c',
  set: 's',
  trained: null,
  values: { psnr },
  grid: 'grid.png',
  seconds: 1,
  time: '2026-01-01T00:00:00.000Z',
});
const grid: RgbImage = { width: 1, height: 1, data: new Uint8Array(3) };
const readGrid = async () => grid;

const files = () => readdirSync(folder).filter((name) => name.startsWith('events.out.tfevents.'));

/** Step of each record that has a value, with the tags in it. */
function recordsOf(name: string): readonly (readonly [step: number, tag: string])[] {
  const bytes = readFileSync(join(folder, name));
  const found: (readonly [number, string])[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = Number(bytes.readBigUInt64LE(at));
    const record = bytes.subarray(at + 12, at + 12 + length);
    at += 16 + length;
    const tag = /eval\/[a-z]+/.exec(record.toString('latin1'))?.[0];
    // Field 2 behind the nine bytes of the time: a step below 128.
    if (tag !== undefined) found.push([record[10] ?? 0, tag]);
  }
  return found;
}

it('grows with each evaluation', async () => {
  const all = [evaluation(2), evaluation(4)];
  const events = new EventFile(folder);
  await events.add(all[0] as CheckpointEvaluation, all.slice(0, 1), readGrid);
  const [name = ''] = files();
  await events.add(all[1] as CheckpointEvaluation, all, readGrid);
  await events.close();
  expect(files()).toEqual([name]);
  expect(recordsOf(name)).toEqual([
    [2, 'eval/psnr'],
    [2, 'eval/grid'],
    [4, 'eval/psnr'],
    [4, 'eval/grid'],
  ]);
});

it('begins anew with all that is known: in another process, for an earlier step, and after a cut', async () => {
  const events = new EventFile(folder);
  await events.add(evaluation(4), [evaluation(4)], readGrid);
  const names = [...files()];
  const anew = async (added: CheckpointEvaluation, all: readonly CheckpointEvaluation[]) => {
    await events.add(added, all, async () => undefined);
    expect(files()).toHaveLength(1);
    expect(names).not.toContain(files()[0]);
    names.push(...files());
    expect(recordsOf(files()[0] ?? '')).toEqual(all.map(({ step }) => [step, 'eval/psnr']));
  };
  await anew(evaluation(2), [evaluation(2), evaluation(4)]);
  await events.forget();
  await anew(evaluation(5), [evaluation(2), evaluation(5)]);
  await events.close();
  const other = new EventFile(folder);
  await other.add(evaluation(6), [evaluation(6)], readGrid);
  await other.close();
  expect(files()).toHaveLength(1);
  expect(names).not.toContain(files()[0]);
  // TensorBoard reads the files in the order of their names.
  expect([...names].sort()).toEqual(names);
});

it('has no value for what is no finite number, and lets other files be', async () => {
  writeFileSync(join(folder, 'report.html'), '');
  const events = new EventFile(folder);
  const infinite = evaluation(4, Number.POSITIVE_INFINITY);
  await events.add(evaluation(3, null), [evaluation(3, null)], async () => undefined);
  await events.add(infinite, [evaluation(3, null), infinite], async () => undefined);
  await events.close();
  expect(recordsOf(files()[0] ?? '')).toEqual([]);
  expect(readdirSync(folder)).toContain('report.html');
});
