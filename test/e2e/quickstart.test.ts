/** The model that comes with the package, as a new user meets it. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { decodeImage, EMBEDDED_MODEL } from '../../dist/index.js';
import { judge } from '../../dist/shapes/judge.js';
import { jsonLines, run } from './cli.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'svg-quickstart-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const quickstart = (...args: readonly string[]) => run(['quickstart', ...args], { cwd: folder });

it('draws what it is told, without a download, and says where the picture is', async () => {
  const { code, stdout, stderr } = await quickstart('two red circles left of a blue square');
  expect({ code, stdout: stdout.toString(), stderr }).toMatchObject({
    code: 0,
    stdout: `${join('output', 'quickstart.png')}\n`,
  });
  const image = await decodeImage(readFileSync(join(folder, 'output/quickstart.png')));
  expect(image).toMatchObject({ width: 64, height: 64 });
  const { reasons } = judge(
    {
      category: 'position',
      groups: [
        { count: 2, shape: 'circle', colour: 'red' },
        { count: 1, shape: 'square', colour: 'blue' },
      ],
      relation: 'left',
    },
    image,
  );
  expect(reasons).toEqual([]);
});

it('names the words that it does not know', async () => {
  const { code, stderr } = await quickstart('a red astronaut on a red-blue horse', '-o', 'unknown.png');
  expect(code).toBe(0);
  expect(stderr).toContain('does not know: astronaut, blue, horse');
});

it('is told of by sample as well, with sizes that the model never saw', async () => {
  const args = [
    'sample',
    'a red astronaut',
    '--pretrained',
    EMBEDDED_MODEL,
    '--size',
    '96x64',
    '--steps',
    '2',
  ];
  const result = await run([...args, '--json', '-o', 'sample.png'], { cwd: folder });
  expect(result.code).toBe(0);
  const messages = jsonLines(result).flatMap(({ type, message }) => (type === 'warning' ? [message] : []));
  expect(messages).toEqual([
    'this model was trained on pictures of 64x64 px and may not draw 96x64 well',
    'the small text encoder does not know: astronaut',
  ]);
});

it('cannot enhance a prompt, and says so', async () => {
  const { code, stdout, stderr } = await run(['enhance', 'a red circle', '--pretrained', EMBEDDED_MODEL]);
  expect([code, stdout.toString()]).toEqual([4, '']);
  expect(stderr).toContain('random weights cannot enhance a prompt');
});

it('refuses a seed that is none', async () => {
  const { code, stderr } = await quickstart('a pink heart', '--seed', 'x');
  expect(code).toBe(2);
  expect(stderr).toContain('seed');
});
