// `evaluate({ kind: 'shapes' })`: pictures of a folder judged, what is written, what is refused. Models: test/addon, test/e2e.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { evaluateShapes } from '../../../lib/eval/shapes.js';
import { encodeImage } from '../../../lib/image/encode.js';
import { drawScene } from '../../../lib/shapes/draw.js';
import { evalPrompts } from '../../../lib/shapes/eval-prompts.js';
import { CATEGORIES } from '../../../lib/shapes/vocabulary.js';

const folder = mkdtempSync(join(tmpdir(), 'svg-t2i-shapes-eval-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Three pictures of each category; the second of each shows another prompt's scene. */
beforeAll(async () => {
  const examples = evalPrompts(3, 3, CATEGORIES);
  const lines: string[] = [];
  for (const [i, { prompt, scene }] of examples.entries()) {
    const shown = i % 3 === 1 ? examples[(i + 9) % examples.length] : examples[i];
    const path = `${i}.png`;
    const picture = drawScene((shown ?? { scene }).scene, 64);
    writeFileSync(join(folder, path), await encodeImage(picture, { format: 'png' }));
    lines.push(JSON.stringify({ path, prompt, asked: scene.asked }));
  }
  writeFileSync(join(folder, 'shapes.jsonl'), lines.join('\n'));
});

it('judges the pictures of a folder, and tells how far it is', async () => {
  const done: number[] = [];
  const result = await evaluateShapes(
    { images: folder },
    { onEvent: (event) => event.type === 'progress' && done.push(event.done) },
  );
  expect(result).toMatchObject({ overall: expect.closeTo(2 / 3, 12), prompts: 18 });
  expect(done).toEqual(Array.from({ length: 18 }, (_, i) => i + 1));
  expect(
    await evaluateShapes({ images: pathToFileURL(folder), categories: ['counting'], perCategory: 1 }),
  ).toEqual({
    overall: 1,
    categories: { ...Object.fromEntries(CATEGORIES.map((category) => [category, null])), counting: 1 },
    prompts: 1,
  });
});

it('writes a page with sheets and failures, and links to the pictures', async () => {
  const out = join(folder, 'out');
  const { files, ...scores } = await evaluateShapes({ images: folder, out });
  expect(files).toEqual({
    html: join(out, 'report.html'),
    json: join(out, 'results.json'),
    sheet: join(out, 'sheet.png'),
    failures: join(out, 'failures.jsonl'),
  });
  expect(JSON.parse(readFileSync(join(out, 'results.json'), 'utf8'))).toMatchObject(scores);
  const html = readFileSync(join(out, 'report.html'), 'utf8');
  for (const category of CATEGORIES) expect(html).toContain(`<h3>${category}: the first</h3>`);
  expect(html).toContain('href="../1.png"');
  expect(html).toContain('6 failures');
  expect(readFileSync(join(out, 'failures.jsonl'), 'utf8').trimEnd().split('\n').length).toBe(6);
});

describe('refuses', () => {
  it.each([
    [{ images: 'x', reconstruct: true }, /images and reconstruct exclude each other/],
    [{ model: { pretrained: 'x', devise: 'cpu' } }, /model: unknown key "devise", did you mean "device"\?/],
    [{ sample: { steps: 0 } }, /sample: steps: must be at least 1, got 0/],
    [{ sample: { seed: 1 } }, /sample: unknown key "seed"/],
    [{ categories: ['textures'] }, /categories\.0: must be one of single_object/],
    [{ perCategory: 0 }, /perCategory: must be at least 1, got 0/],
  ])('%j', async (request, message) => {
    await expect(evaluateShapes(request as never)).rejects.toMatchObject({
      code: 'ERR_SVGT2I_INVALID_ARGUMENT',
      message: expect.stringMatching(message),
    });
  });

  it('nothing to judge, and a folder without a list', async () => {
    await expect(evaluateShapes({ images: join(folder, 'nowhere') })).rejects.toMatchObject({
      code: 'ERR_SVGT2I_FILE_NOT_FOUND',
    });
  });

  it('to go on once it is told to stop', async () => {
    const reason = new Error('enough');
    const judged = evaluateShapes({ images: folder }, { signal: AbortSignal.abort(reason) });
    await expect(judged).rejects.toBe(reason);
  });
});
