// `svg-t2i dataset shapes`, and `svg-t2i eval shapes` on the pictures that it wrote.
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readImage } from '../../dist/image/decode.js';
import { jsonLines, run } from './cli.js';

const newFolder = () => mkdtempSync(join(tmpdir(), 'svg-t2i-shapes-'));
const datasetArgs = (out: string, ...more: string[]) => ['dataset', 'shapes', '--out', out, ...more];

it('writes a data set that the judge finds right', async () => {
  const root = newFolder();
  const data = join(root, 'held-out');
  const flags = ['--count', '60', '--seed', '5', '--size', '64', '--split', 'held-out'];
  const made = await run(datasetArgs(data, ...flags));
  expect(made).toMatchObject({ code: 0, stderr: expect.stringMatching(/^60 pictures drawn, [\d.]+ s\n$/) });
  const list = join(data, 'shapes.jsonl');
  expect(made.stdout.toString()).toBe(`${list}\n`);

  const output = join(root, 'report');
  const judged = await run(['eval', 'shapes', '--images', data, '-o', output, '--json']);
  expect([judged.code, judged.stderr]).toEqual([0, '']);
  expect(judged.stdout.toString()).toBe(
    '{"overall":1,"categories":{"single_object":1,"two_objects":1,"counting":1,"colors":1,"position":1,' +
      '"color_attribution":1},"prompts":60}\n',
  );
  expect(await readImage(join(output, 'sheet.png'))).toMatchObject({ width: 727, height: 435 });

  // The same pictures under other captions.
  const lines = readFileSync(list, 'utf8').trimEnd().split('\n');
  const shifted = lines.map((line, i) => {
    const { path } = JSON.parse(lines[(i + 1) % lines.length] ?? '') as { path: string };
    return JSON.stringify({ ...(JSON.parse(line) as object), path });
  });
  writeFileSync(list, shifted.join('\n'));
  const table = await run(['eval', 'shapes', '--images', data, '-o', output, '--count', '8']);
  expect(table.code).toBe(0);
  const rows = table.stdout.toString().trimEnd().split('\n');
  expect(rows[0]).toMatch(/^category +correct +prompts +score$/);
  expect(rows.at(-1)).toMatch(/^overall +48 +0\.[01]\d\d$/);
  expect(table.stderr).toContain(join(output, 'failures.jsonl'));
  expect(table.stderr).toContain(`report: ${join(output, 'report.html')}\n`);
  const page = readFileSync(join(output, 'report.html'), 'utf8');
  expect(page).toContain(`svg-t2i eval shapes --images ${data} -o ${output} --count 8`);
  const failures = readFileSync(join(output, 'failures.jsonl'), 'utf8').trimEnd().split('\n');
  expect(failures.length).toBeGreaterThan(38);
  expect(JSON.parse(failures[0] ?? '')).toMatchObject({
    path: expect.stringMatching(/0000\/0000\d\d\.png$/),
    prompt: expect.any(String),
    reasons: expect.arrayContaining([expect.stringMatching(/: found 0/)]),
  });
});

it('continues a data set, and says no in one line', async () => {
  const out = join(newFolder(), 'data');
  const flags = ['--categories', 'counting,colors', '--json'];
  const first = await run(datasetArgs(out, '--count', '4', ...flags));
  expect(jsonLines(first)).toEqual([
    { list: join(out, 'shapes.jsonl'), images: 4, written: 4, folder: out, seconds: expect.any(Number) },
  ]);
  const more = await run(datasetArgs(out, '--count', '6', ...flags));
  expect(jsonLines(more)).toMatchObject([{ images: 6, written: 2 }]);

  const refusals: [string[], number, RegExp][] = [
    [datasetArgs(out, '--count', '6', ...flags, '--palette', 'free'), 2, /another palette: "named"/],
    [datasetArgs(out, '--count', '6'), 2, /begun with another categories: \["counting","colors"\]/],
    [datasetArgs(out, '--count', '0'), 2, /--count 0: must be a whole number from 1/],
    [datasetArgs(out, '--count', '1', '--categories', 'textures'), 2, /there is no category "textures"/],
    [datasetArgs(out, '--count', '1', '--split', 'test'), 2, /train, held-out/],
    [['eval', 'shapes', '--images', join(out, 'nowhere')], 1, /shapes\.jsonl: no such file or folder/],
    [['eval', 'shapes', '--pretrained', '/nowhere'], 4, /\/nowhere/],
  ];
  for (const [args, code, message] of refusals) {
    const refused = await run(args, { cwd: out });
    expect(refused).toMatchObject({ code, stderr: expect.stringMatching(message) });
    expect(refused.stderr.split('\n')[0]).toMatch(/^error: /);
  }
  const foreign = newFolder();
  mkdirSync(join(foreign, 'mine'));
  expect(await run(datasetArgs(foreign, '--count', '1'))).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/is not empty/),
  });
});
