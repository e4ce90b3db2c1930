// `svg-t2i eval report`: what it prints, writes and refuses.
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { jsonLines, run as runIn } from './cli.js';

const folder = mkdtempSync(join(tmpdir(), 'svg-t2i-eval-report-'));
/** Without --out it writes below the working folder. */
const run = (args: readonly string[]) => runIn(args, { cwd: folder });
const write = (name: string, text: string) => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
/** Every second picture is right. */
const results = (tag: string) =>
  Array.from({ length: 40 }, (_, i) =>
    JSON.stringify({
      filename: `${i}.png`,
      tag,
      prompt: `${i >> 2}`,
      correct: i % 2 === 0,
      reason: 'none found',
    }),
  ).join('\n');
const before = write('before.jsonl', results('colors'));
const after = write('after.jsonl', results('colors'));

it('prints tables on stdout and remarks on stderr', async () => {
  const told = await run([
    'eval',
    'report',
    before,
    '--name',
    `other=${after}`,
    '--published',
    '--bootstrap',
    '50',
    '--seed',
    '3',
  ]);
  expect(told.code).toBe(0);
  const lines = told.stdout.toString().split('\n');
  expect(lines.slice(0, 4)).toEqual([
    'GenEval',
    'figure   before                other                 published SVG-T2I',
    'colors   0.500 [0.500, 0.500]  0.500 [0.500, 0.500]  0.890',
    'overall  0.500 [0.500, 0.500]  0.500 [0.500, 0.500]  0.750',
  ]);
  expect(lines).toContain('Difference to before, over the prompts that both have');
  expect(told.stderr).toContain('warning: other: partial: 10 prompts where the benchmark has 553');
  expect(told.stderr).toContain(
    'In brackets: 95 % interval, percentile bootstrap over prompts, 50 draws, seed 3.',
  );
});

it('prints JSON, the result last, and writes what it says', async () => {
  const out = join(folder, 'out');
  const told = await run(['eval', 'report', before, '--json', '-o', out]);
  expect([told.code, told.stderr]).toEqual([0, '']);
  const lines = jsonLines(told) as {
    readonly type: string;
    readonly files?: Readonly<Record<string, string>>;
  }[];
  expect(lines.map(({ type }) => type)).toEqual(['warning', 'result']);
  for (const path of Object.values(lines.at(-1)?.files ?? {}))
    expect([path, existsSync(path)]).toEqual([path, true]);
  expect(readFileSync(join(out, 'report.html'), 'utf8')).toContain(
    `svg-t2i eval report ${before} --out ${out}`,
  );
});

it('reads its settings from a file, and prints those that it would use', async () => {
  const config = write(
    'report.yaml',
    'scores:\n  results:\n    - path: before.jsonl\n      name: from a file\n  bootstrap: 0\n',
  );
  const told = await run(['eval', 'report', '--config', config]);
  expect([told.code, told.stdout.toString()]).toEqual([
    0,
    expect.stringMatching(/^GenEval\nfigure +from a file\ncolors +0\.500\n/),
  ]);
  const printed = await run([
    'eval',
    'report',
    '--config',
    config,
    '--set',
    'scores.seed=5',
    '--print-config',
  ]);
  expect(printed.stdout.toString()).toContain('seed: 5');
});

it.each([
  [[], 2, /^error: no result file was given/],
  [['--name', 'x'], 2, /^error: --name x: must be NAME=FILE/],
  [[before, '--bootstrap', 'many'], 2, /^error: .*--bootstrap: must be a number, got "many"/],
  [[before, '--set', 'scores.sed=1'], 2, /^error: .*unknown key "scores\.sed", did you mean "seed"\?/],
])('refuses %j', async (args, code, message) => {
  const refused = await run(['eval', 'report', ...args]);
  expect(refused).toMatchObject({ code, stderr: expect.stringMatching(message) });
});
