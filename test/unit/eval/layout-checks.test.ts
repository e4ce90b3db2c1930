/** The checks of scorers' folders, beyond the golden cases: `eval check` as a whole, and what the cases leave open. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type CheckRequest, evaluateCheck } from '../../../lib/eval/check.js';
import type { EvaluateEvent } from '../../../lib/eval/events.js';
import { type FolderDescription, makeDescribed } from '../../../lib/selftest/modules/described-folder.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'svg-check-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const row = (prompt: string, more = {}) => ({
  tag: 'single_object',
  include: [{ class: 'fox', count: 1 }],
  prompt,
  ...more,
});
const png = { png: [8, 8] as [number, number] };

async function check(files: FolderDescription, request: Omit<CheckRequest, 'path'>) {
  const path = join(folder, 'checked');
  await makeDescribed(path, files);
  const events: EvaluateEvent[] = [];
  const report = await evaluateCheck({ path, ...request }, { onEvent: (event) => void events.push(event) });
  return { ...report, events, faults: report.faults.map((fault) => `${fault.path}: ${fault.reason}`) };
}

function list(...prompts: readonly object[]): string {
  const path = join(folder, 'list.jsonl');
  writeFileSync(path, prompts.map((prompt) => `${JSON.stringify(prompt)}\n`).join(''));
  return path;
}

describe('geneval', () => {
  const one = { '00000/metadata.jsonl': { json: row('a') }, '00000/samples/00000.png': png };

  it('finds all faults, not the first, and counts what the scorer would', async () => {
    const report = await check(
      {
        ...one,
        '1/metadata.jsonl': { text: '{"tag": "x"' },
        '1/samples/0.png': { bytes: '89504e47' },
        '1/samples/1.png': png,
        '1/samples/notes.txt': { text: 'no picture, and nobody minds' },
        '2/samples/0.png': png,
        '3/metadata.jsonl': { json: row('b', { tag: 5 }) },
        '3/samples/0.png': png,
        'four/samples/0.png': png,
      },
      { as: 'geneval', prompts: list(row('a'), row('b'), row('a')), imagesPerPrompt: 1 },
    );
    expect(report.faults).toEqual([
      '1/metadata.jsonl: metadata.jsonl holds no JSON object',
      expect.stringContaining('1/samples/0.png: not a picture that opens: '),
      '1/samples: more pictures than samples_per_prompt: 2, not 1',
      '2/metadata.jsonl: no metadata.jsonl',
      '3/metadata.jsonl: metadata.jsonl has no right tag',
      'four: folder name is not all digits',
      expect.stringMatching(/^00001: a prompt of the list has no folder: .*list\.jsonl:2, "b"$/),
      expect.stringMatching(/^00002: a prompt of the list has no folder: .*list\.jsonl:3, "a"$/),
    ]);
    expect(report).toMatchObject({ as: 'geneval', prompts: 3, pictures: 5 });
    expect(report.events.at(-1)).toEqual({
      type: 'progress',
      done: 5,
      what: `pictures of ${join(folder, 'checked')}`,
    });
  });

  it('takes a prompt as often as the list has it, whatever the order of keys', async () => {
    const { prompt, ...rest } = row('a');
    const files = { ...one, '7/metadata.jsonl': { json: { prompt, ...rest } }, '7/samples/1.png': png };
    const twice = await check(files, {
      as: 'geneval',
      prompts: list(row('a'), row('a')),
      imagesPerPrompt: 1,
    });
    expect(twice.faults).toEqual([]);
    const once = await check({}, { as: 'geneval', prompts: list(row('a')), imagesPerPrompt: 1 });
    expect(once.faults).toEqual(['7: two folders with the same prompt: 00000 and 7']);
    const without = await check({}, { as: 'geneval', imagesPerPrompt: 1 });
    expect(without.faults).toEqual(['7: two folders with the same prompt: 00000 and 7']);
    expect(without.warnings[0]).toContain('no list of prompts was given');
    const strange = await check({}, { as: 'geneval', prompts: list(row('b'), row('a')), imagesPerPrompt: 1 });
    expect(strange.faults).toContain('7: two folders with the same prompt: 00000 and 7');
    const other = await check({}, { as: 'geneval', prompts: list(row('b')), imagesPerPrompt: 1 });
    expect(other.faults.filter((fault) => fault.includes('its prompt is not in the list: "a"'))).toHaveLength(
      2,
    );
  });

  it('holds pictures to a resolution where one is given', async () => {
    const report = await check(one, { as: 'geneval', imagesPerPrompt: 1, resolution: 16 });
    expect(report.faults).toEqual(['00000/samples/00000.png: the picture has 8x8 pixels, not 16x16']);
  });

  it('says that nothing is there', async () => {
    expect((await check({ 'x.txt': { text: '' } }, { as: 'geneval' })).faults).toEqual([
      '.: no folder of a prompt is there (all digits, as 00000)',
    ]);
    await expect(evaluateCheck({ path: join(folder, 'none'), as: 'geneval' })).rejects.toMatchObject({
      code: 'ERR_SVGT2I_FILE_NOT_FOUND',
    });
  });
});

it('follows links as the scorers do', async () => {
  const files = { '5/metadata.jsonl': { json: row('a') }, 'pool/0.png': png };
  await makeDescribed(join(folder, 'there'), files);
  const path = join(folder, 'linked');
  mkdirSync(path);
  symlinkSync('../pool', join(folder, 'there/5/samples'));
  symlinkSync('../there/5', join(path, '00000'));
  symlinkSync('nowhere', join(path, '00001'));
  const report = await evaluateCheck({ path, as: 'geneval', imagesPerPrompt: 1 });
  expect(report).toMatchObject({ faults: [], pictures: 1 });
  expect((await evaluateCheck({ path, as: 'dpg', resolution: 8 })).faults).toEqual([
    expect.objectContaining({ path: '00000', reason: 'pictures lie in folders, not flat' }),
    expect.objectContaining({ path: '00001' }),
  ]);
});

describe('dpg', () => {
  it('needs a resolution', async () => {
    await expect(check({ 'a.png': png }, { as: 'dpg' })).rejects.toMatchObject({ code: 'ERR_SVGT2I_USAGE' });
  });

  it('opens every picture, and knows the results that the scorer leaves among them', async () => {
    const report = await check(
      {
        'a.png': { png: [16, 16] },
        'b.png.1234.part': { bytes: '89504e47' },
        'c.jpg': { jpeg: [16, 12] },
        'dpg-bench_20260101-000000_results.txt': { text: '' },
      },
      { as: 'dpg', resolution: 8, prompts: list(...['a', 'b', 'c'].map((id) => ({ id, prompt: id }))) },
    );
    expect(report.faults).toEqual([
      "dpg-bench_20260101-000000_results.txt: a file that is no prompt's picture lies in the folder (a result of the scorer itself: give it --res-path elsewhere)",
      expect.stringContaining('b.png.1234.part: not a picture that opens: '),
      'c.jpg: the grid is 16x12, not 16x16',
    ]);
    expect(report.pictures).toBe(3);
  });

  it('checks one picture a prompt where the scorer takes one', async () => {
    expect((await check({ 'a.png': png }, { as: 'dpg', resolution: 8, imagesPerPrompt: 1 })).faults).toEqual(
      [],
    );
  });
});

describe('a folder that was drawn here', () => {
  it('is known by its run.json', async () => {
    const path = join(folder, 'checked');
    const prompts = list({ id: 'a', prompt: 'a' });
    const { promptsHash } = await import('../../../lib/eval/generate/prompts-hash.js');
    const record = {
      format: 1,
      kind: 'dpg',
      software: 'svg-t2i 0.0.0',
      decides: { prompts: await promptsHash(prompts), width: 8 },
      about: { prompts: { file: prompts }, imagesPerPrompt: 4 },
      weights: [],
      drawnIn: null,
      sessions: [],
    };
    const files = { 'run.json': { json: record }, 'images/a.png': { png: [16, 16] as [number, number] } };
    const report = await check(files, { as: 'dpg' });
    expect(report).toMatchObject({ faults: [], prompts: 1, pictures: 1, target: join(path, 'images') });
    expect(report.warnings).toEqual([
      `${path} was drawn by svg-t2i: what the scorer gets is ${join(path, 'images')}`,
    ]);
    const asOther = await check({}, { as: 'geneval' });
    expect(asOther.warnings[0]).toBe(`${path} was drawn as dpg, not as geneval`);
    // The list is another one by now: it is not taken.
    writeFileSync(prompts, `${JSON.stringify({ id: 'b', prompt: 'b' })}\n`);
    expect((await check({}, { as: 'dpg' })).prompts).toBe(0);
  });
});

it('refuses what means nothing, and unknown kinds', async () => {
  mkdirSync(dirname(join(folder, 'x')), { recursive: true });
  await expect(
    evaluateCheck({ path: join(folder, 'x.npz'), as: 'adm-npz', imagesPerPrompt: 3 }),
  ).rejects.toMatchObject({ code: 'ERR_SVGT2I_USAGE' });
  await expect(evaluateCheck({ path: folder, as: 'dpq' as 'dpg' })).rejects.toMatchObject({
    code: 'ERR_SVGT2I_INVALID_ARGUMENT',
    message: 'as: must be one of geneval, geneval2, dpg, adm-npz, got "dpq"',
  });
});
