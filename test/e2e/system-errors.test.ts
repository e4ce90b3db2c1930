// What the system refuses is told with a code, also where nobody expected it.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { jsonLines, MAIN, run } from './cli.js';

/** CI services and terminals ask for colours, which the expected lines have not. */
const PLAIN = { ...process.env, NO_COLOR: '1' };

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'svg-system-'));
  writeFileSync(join(folder, 'file'), '');
});
afterAll(() => rmSync(folder, { recursive: true }));

/** From a working folder that is removed before the command starts. */
function runInNowhere(...args: readonly string[]) {
  const gone = join(folder, 'gone');
  mkdirSync(gone);
  const script = 'rmdir "$0" && exec "$@"';
  return spawnSync('sh', ['-c', script, gone, process.execPath, MAIN, ...args], {
    cwd: gone,
    encoding: 'utf8',
    env: PLAIN,
  });
}

it('a removed working folder', () => {
  const sample = runInNowhere('sample', 'x', '-o', 'x.png', '--json');
  expect([sample.status, sample.stderr]).toEqual([
    1,
    expect.stringMatching(
      /^error: the working folder of this process was removed\n.*-> .*\n.*ERR_SVGT2I_IO\n$/,
    ),
  ]);
  expect(JSON.parse(sample.stdout)).toMatchObject({ type: 'error', code: 'ERR_SVGT2I_IO' });
  const version = runInNowhere('--version');
  expect([version.status, version.stdout]).toEqual([
    0,
    expect.stringMatching(/^svg-t2i .*\nlibtorch: the working folder of this process was removed\n$/),
  ]);
});

it('too few files that may be open', () => {
  const runWith = (files: number) => {
    const limited = [
      '-c',
      `ulimit -n ${files}; exec "$@"`,
      'sh',
      process.execPath,
      MAIN,
      'sample',
      'x',
      '--json',
    ];
    return spawnSync('sh', limited, { encoding: 'utf8', env: PLAIN });
  };
  // The fewest with which Node.js itself gets as far as our first module: then one of the next is too much.
  let files = 12;
  let ended = runWith(files);
  while (!ended.stderr.startsWith('error:') && files < 60) ended = runWith(++files);
  expect([ended.status, ended.stderr]).toEqual([
    1,
    expect.stringMatching(
      /^error: cannot (start svg-t2i|open \S+\.js(on)?): too many files are open\n.*ulimit -n 4096\n.*ERR_SVGT2I_IO\n$/,
    ),
  ]);
  expect(JSON.parse(ended.stdout)).toMatchObject({ type: 'error', code: 'ERR_SVGT2I_IO' });
});

it.each([
  [['sample', 'x', '--pretrained', 'file'], 4, 'file is a file, not a folder of weights'],
  [['sample', 'x', '--pretrained', 'file/below'], 4, 'no pre-trained folder'],
  [['sample', 'x', '--set', 'model.pretrained="a\\0b"'], 2, 'that is no path'],
  [['sample', 'x', '--config', 'file/x.yaml'], 1, 'a part of the path is a file'],
  [['sample', '--prompts', 'file/x.txt'], 1, 'a part of the path is a file'],
  [['sample', 'x', '-o', 'file/x.png'], 1, 'cannot make the folder file: something of that name is there'],
  [['inspect', 'file/x.pth'], 1, 'file/x.pth'],
  [['export', 'file', '--out', 'x'], 1, 'a part of the path is a file'],
  [['train', 'dit', '--run', 'file/run', '--resume'], 1, 'a part of the path is a file'],
])('%j exits with %i: %s', async (args, code, message) => {
  const finished = await run([...args, '--json'], { cwd: folder });
  expect([finished.code, finished.stderr]).toEqual([code, expect.stringContaining(message)]);
  expect(jsonLines(finished)).toMatchObject([
    { type: 'error', code: expect.stringMatching(/^ERR_SVGT2I_(?!INTERNAL)/) },
  ]);
});
