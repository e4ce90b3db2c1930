/** `svg-t2i eval geneval`, `geneval2`, `dpg` and `check` with a tiny release: one process and two, kills, and going on. */
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { type EvaluateEvent, evaluate, readParameters } from '../../dist/index.js';
import { tinyReleaseFiles, writeTinyRelease } from '../../dist/release/tiny-release.js';
import { jsonLines, type RunOptions, run } from './cli.js';

let root: string;
let folder: string;
let runs = 0;

const fox = (prompt: string, tag: string) => ({ tag, include: [{ class: 'fox', count: 1 }], prompt });
const geneval = [
  { ...fox('a fox', 'single_object'), refined_prompt: 'one red fox, alone in the snow' },
  { ...fox('two foxes', 'counting'), refined_prompt: 'two foxes side by side' },
  { ...fox('a café', 'colors'), refined_prompt: 'a café in the rain' },
];
const dpg = ['harbour7', '12', 'Q0045'].map((id) => ({ filename: `${id}.txt`, prompt: `the ${id}` }));
const geneval2 = geneval.map(({ prompt }) => ({
  prompt,
  atom_count: 3,
  vqa_list: [['Is it there?', 'Yes']],
  skills: ['object'],
}));

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'svg-benchmark-'));
  await writeTinyRelease(join(root, 'pre-trained'), 7);
  for (const [name, rows] of Object.entries({ geneval, dpg, geneval2 })) {
    writeFileSync(join(root, `${name}.jsonl`), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  }
}, 120_000);
afterAll(() => rmSync(root, { recursive: true }));
beforeEach(() => {
  folder = join(root, `run-${runs++}`);
  mkdirSync(folder);
});

const settings = [
  '--pretrained',
  '../pre-trained',
  '--device',
  'cpu',
  '--dtype',
  'fp32',
  '--size',
  '32x32',
  '--steps',
  '2',
  '--threads',
  '1',
];
const draw = (kind: string, args: readonly string[], options: RunOptions = {}) =>
  run(['eval', kind, '--prompts', `../${kind}.jsonl`, ...settings, ...args], { cwd: folder, ...options });
const path = (...parts: readonly string[]) => join(folder, ...parts);

/** Paths below a folder, sorted. */
function filesOf(below: string): readonly string[] {
  return readdirSync(path(below), { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(path(below).length + 1))
    .sort();
}

function expectSameFiles(below: string, other: string): void {
  expect(filesOf(other)).toEqual(filesOf(below));
  for (const file of filesOf(below)) {
    expect(readFileSync(path(other, file)).equals(readFileSync(path(below, file))), file).toBe(true);
  }
}

const record = (out: string) => JSON.parse(readFileSync(path(out, 'run.json'), 'utf8'));

it('draws GenEval in its layout, the same bits on one process and on two, and then nothing more', async () => {
  const alone = await draw('geneval', ['--out', 'alone']);
  expect(alone.code, alone.stderr).toBe(0);
  expect(alone.stderr).toContain('3 of 3 lines have a refined_prompt, and the prompts themselves are drawn');
  const [first = '', ok, ...calls] = alone.stdout.toString().trimEnd().split('\n');
  expect([first, ok]).toEqual(['alone/images: 12 pictures of 3 prompts; 12 file(s) drawn, 0 kept', 'ok']);
  expect(calls[0]).toContain(`evaluate_images.py ${path('alone/images')} --outfile`);
  expect(filesOf('alone/images')).toEqual(
    ['00000', '00001', '00002'].flatMap((prompt) => [
      `${prompt}/metadata.jsonl`,
      ...[0, 1, 2, 3].map((i) => `${prompt}/samples/0000${i}.png`),
    ]),
  );
  expect(readFileSync(path('alone/images/00002/metadata.jsonl'), 'utf8')).toBe(
    `${JSON.stringify(geneval[2])}\n`,
  );
  const carried = await readParameters(readFileSync(path('alone/images/00002/samples/00001.png')));
  expect(carried).toMatchObject({ prompt: 'a café', seed: 9, steps: 2, dtype: 'fp32' });
  expect(readdirSync(path('alone')).sort()).toEqual(['images', 'report.html', 'results.json', 'run.json']);
  expect(record('alone')).toMatchObject({
    kind: 'geneval',
    command: expect.stringMatching(/^svg-t2i eval geneval --prompts \.\.\/geneval\.jsonl /),
    ended: expect.any(String),
    decides: { promptKey: 'prompt', count: 4, seed: 0, seedMode: 'each', steps: 2, width: 32 },
    about: { prompts: { count: 3, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) } },
    drawnIn: { device: 'cpu', dtype: 'fp32', threads: 1 },
    sessions: [{ processes: 1, drawn: 12, failed: 0, ended: expect.any(String) }],
  });

  const both = await draw('geneval', ['--out', 'both', '--nproc', '2', '--json']);
  expect(both.code, both.stderr).toBe(0);
  expectSameFiles('alone/images', 'both/images');
  const events = jsonLines(both);
  expect(events.filter(({ type }) => type === 'image')).toHaveLength(12);
  expect(events.filter(({ type }) => type === 'load').length).toBeLessThanOrEqual(4);
  expect(events.at(-1)).toMatchObject({
    type: 'result',
    drawn: 12,
    kept: 0,
    failed: [],
    check: { faults: [] },
  });
  const last = events.filter(({ type, what }) => type === 'progress' && what === 'files of pictures').at(-1);
  expect(last).toMatchObject({ done: 12, total: 12 });

  const { mtimeMs } = statSync(path('both/images/00001/samples/00002.png'));
  const again = await draw('geneval', ['--out', 'both']);
  expect(again.stdout.toString()).toContain('0 file(s) drawn, 12 kept\nok\n');
  expect(statSync(path('both/images/00001/samples/00002.png')).mtimeMs).toBe(mtimeMs);
  expect(record('both').sessions).toHaveLength(2);

  // A file that is cut opens, and stops a scorer hours later.
  truncateSync(path('both/images/00001/samples/00002.png'), 900);
  rmSync(path('both/images/00000/samples/00003.png'));
  const checked = await run(['eval', 'check', 'both', '--as', 'geneval'], { cwd: folder });
  expect(checked.code).toBe(1);
  expect(checked.stderr).toContain('both was drawn by svg-t2i: what the scorer gets is both/images');
  expect(checked.stdout.toString().split('\n')).toEqual([
    'both/images: 11 pictures of 3 prompts',
    expect.stringMatching(/^00000\/samples: fewer pictures than samples_per_prompt: 3, not 4 \(the scorer /),
    expect.stringMatching(
      /^00001\/samples\/00002\.png: not a picture that opens: .* \(the scorer stops at it\)$/,
    ),
    '2 fault(s)',
    '',
  ]);
}, 240_000);

it('draws the rewritten prompts, and refuses a folder of others, naming what differs', async () => {
  expect((await draw('geneval', ['--out', 'o', '--images-per-prompt', '1'])).code).toBe(0);
  const other = ['--out', 'o', '--images-per-prompt', '1', '--refined', '--guidance', '2'];
  const refused = await draw('geneval', other);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain(
    'o holds another run: promptKey was "prompt" and is "refined_prompt"; guidanceScale was 4 and is 2',
  );
  expect(refused.stderr).toContain('ERR_SVGT2I_RUN_FOLDER');
  expect((await draw('geneval', [...other, '--no-skip-existing'])).stderr).toContain(
    'o holds another run: promptKey',
  );
  const kind = await draw('dpg', ['--out', 'o', '--on-mismatch', 'redraw']);
  expect(kind.stderr).toContain('o holds a run of geneval, not of dpg');
  const redrawn = await draw('geneval', [...other, '--on-mismatch', 'redraw']);
  expect(redrawn.code, redrawn.stderr).toBe(0);
  expect(redrawn.stdout.toString()).toContain('3 file(s) drawn, 0 kept');
  const carried = await readParameters(readFileSync(path('o/images/00000/samples/00000.png')));
  expect(carried).toMatchObject({ prompt: geneval[0]?.refined_prompt, guidanceScale: 2 });
  expect(readFileSync(path('o/images/00000/metadata.jsonl'), 'utf8')).toBe(`${JSON.stringify(geneval[0])}\n`);

  // Seeds as GenEval's script has them: each prompt begins with 42.
  expect((await draw('geneval', ['--out', 'u', '--seeds', 'upstream'])).code).toBe(0);
  const seeds = [0, 2].map(async (prompt) => {
    const file = path(`u/images/0000${prompt}/samples/00003.png`);
    return (await readParameters(readFileSync(file)))?.seed;
  });
  expect(await Promise.all(seeds)).toEqual([45, 45]);
}, 240_000);

it('draws in int8, says so, and goes on in nothing else', async () => {
  const asked = ['--out', 'o', '--images-per-prompt', '1', '--dtype'];
  const drawn = await draw('geneval', [...asked, 'int8']);
  expect(drawn.code, drawn.stderr).toBe(0);
  expect(record('o').drawnIn).toMatchObject({ device: 'cpu', dtype: 'int8' });
  const file = 'o/images/00000/samples/00000.png';
  expect(await readParameters(readFileSync(path(file)))).toMatchObject({ dtype: 'int8' });
  rmSync(path(file));
  const other = await draw('geneval', [...asked, 'fp32']);
  expect(other.code).toBe(1);
  expect(other.stderr).toMatch(/int8.*ERR_SVGT2I_RUN_FOLDER/s);
  expect((await draw('geneval', [...asked, 'int8'])).stdout.toString()).toContain('1 file(s) drawn, 2 kept');
}, 120_000);

it.each(['1', '2'])(
  'killed in the middle, %s process(es) go on to the same grids; no half of one is left',
  async (nproc) => {
    const whole = '../whole';
    if (!existsSync(path(whole))) expect((await draw('dpg', ['--out', whole])).code).toBe(0);
    expect(filesOf(`${whole}/images`)).toEqual(['12.png', 'Q0045.png', 'harbour7.png']);
    let written = 0;
    const killed = await draw('dpg', ['--out', 'o', '--nproc', nproc, '--json'], {
      watch: (child, stdout) => {
        written = stdout.split('\n').filter((line) => line.startsWith('{"type":"image"')).length;
        if (written >= 1) child.kill('SIGKILL');
      },
    });
    expect(killed.code).toBe(137);
    const left = filesOf('o/images');
    expect(left.length).toBeGreaterThanOrEqual(1);
    for (const file of left) {
      expect(
        readFileSync(path('o/images', file)).equals(readFileSync(path(whole, 'images', file))),
        file,
      ).toBe(true);
    }
    const checked = await run(['eval', 'check', 'o', '--as', 'dpg', '--json'], { cwd: folder });
    expect(jsonLines(checked).at(-1)).toMatchObject({ type: 'result', pictures: left.length });

    const again = await draw('dpg', ['--out', 'o', '--nproc', nproc]);
    expect(again.code, again.stderr).toBe(0);
    expectSameFiles(`${whole}/images`, 'o/images');
    expect(existsSync(path('o/.parts'))).toBe(false);
    expect(again.stdout.toString()).toContain('--resolution 32 --pic-num 4 --vqa-model mplug --res-path');
    expect(record('o').sessions).toMatchObject([{ ended: null }, { ended: expect.any(String) }]);
  },
  240_000,
);

it('redraws with other weights of the same names, and after Ctrl-C keeps none of the old pictures', async () => {
  await writeTinyRelease(path('other'), 8);
  const small = ['--out', 'o', '--nproc', '2'];
  const ofOther = [...small, '--pretrained', 'other', '--on-mismatch', 'redraw'];
  expect((await draw('geneval', small)).code).toBe(0);
  const refused = await draw('geneval', [...small, '--pretrained', 'other']);
  expect(refused.stderr).toMatch(/o holds another run: weights\.dit\S* was "[0-9a-f]{64}" and is "/);
  const stopped = await draw('geneval', [...ofOther, '--json'], {
    watch: (child, stdout) => {
      if (stdout.includes('{"type":"image"')) child.kill('SIGINT');
    },
  });
  expect(stopped.code).toBe(130);
  const again = await draw('geneval', ofOther);
  expect(again.code, again.stderr).toBe(0);
  const fresh = await draw('geneval', ['--out', 'fresh', '--pretrained', 'other']);
  expect(fresh.code, fresh.stderr).toBe(0);
  expectSameFiles('fresh/images', 'o/images');
}, 240_000);

it('draws for programs as for people, from a file of settings too', async () => {
  const text = (out: string) => `model: {pretrained: ../pre-trained, device: cpu, threads: 1}
sample: {width: 32, height: 32, steps: 2, seed: 5}
benchmark: {prompts: ../dpg.jsonl, out: ${out}, imagesPerPrompt: 1}
`;
  writeFileSync(path('dpg.yaml'), text('typed'));
  const printed = await run(['eval', 'dpg', '--config', path('dpg.yaml'), '--print-config'], { cwd: root });
  expect(printed.stdout.toString()).toContain(
    `  prompts: ${join(root, 'dpg.jsonl')}\n  out: ${path('typed')}\n`,
  );
  const typed = await run(['eval', 'dpg', '--config', path('dpg.yaml')], { cwd: root });
  expect(typed.code, typed.stderr).toBe(0);
  expect(typed.stderr).toContain(
    'published figures of DPG-Bench are of 4 picture(s) a prompt, these are of 1',
  );

  const events: EvaluateEvent[] = [];
  const result = await evaluate(
    {
      kind: 'dpg',
      prompts: join(root, 'dpg.jsonl'),
      out: path('called'),
      imagesPerPrompt: 1,
      nproc: 2,
      model: { pretrained: join(root, 'pre-trained'), device: 'cpu', threads: 1 },
      sample: { width: 32, height: 32, steps: 2, seed: 5 },
    },
    { onEvent: (event) => void events.push(event) },
  );
  expect(result).toMatchObject({ prompts: 3, pictures: 3, drawn: 3, failed: [], check: { faults: [] } });
  expectSameFiles('typed/images', 'called/images');
  expect(events.filter(({ type }) => type === 'image')).toHaveLength(3);
  const checked = await evaluate({ kind: 'check', path: path('called'), as: 'dpg' });
  expect(checked).toMatchObject({ faults: [], pictures: 3, prompts: 3 });

  const controller = new AbortController();
  const aborted = evaluate(
    {
      kind: 'dpg',
      prompts: join(root, 'dpg.jsonl'),
      out: path('aborted'),
      model: { pretrained: join(root, 'pre-trained') },
    },
    { signal: controller.signal, onEvent: () => controller.abort(new Error('enough')) },
  );
  await expect(aborted).rejects.toThrow('enough');
  await expect(evaluate({ kind: 'geneval', prompts: 'x', out: 'y', promt: 1 } as never)).rejects.toThrow(
    'unknown key "promt"',
  );
}, 240_000);

it('stops at Ctrl-C with all processes, and goes on', async () => {
  const stopped = await draw('dpg', ['--out', 'o', '--nproc', '2', '--json'], {
    watch: (child, stdout) => {
      if (stdout.includes('{"type":"image"')) child.kill('SIGINT');
    },
  });
  expect(stopped.code).toBe(130);
  expect(jsonLines(stopped).at(-1)).toMatchObject({
    type: 'error',
    code: 'ERR_SVGT2I_CANCELLED',
    message: 'interrupted; the pictures that are done are kept',
    hint: expect.stringContaining('Go on with: svg-t2i eval dpg --prompts ../dpg.jsonl'),
  });
  expect(record('o')).toMatchObject({ ended: null, sessions: [{ ended: expect.any(String) }] });
  const again = await draw('dpg', ['--out', 'o', '--nproc', '2']);
  expect(again.code, again.stderr).toBe(0);
  expect(again.stdout.toString()).toContain('ok');
}, 240_000);

it('tells the error of its processes once, and writes nothing that a scorer would count', async () => {
  cpSync(join(root, 'pre-trained'), path('pre-trained'), { recursive: true });
  truncateSync(path('pre-trained', tinyReleaseFiles.dit), 5000);
  const broken = await draw('dpg', ['--out', 'o', '--nproc', '2', '--pretrained', 'pre-trained']);
  expect(broken.code).not.toBe(0);
  expect(broken.stderr.match(/error:/g)).toHaveLength(1);
  expect(broken.stderr).toContain(tinyReleaseFiles.dit);
  expect(existsSync(path('o/images'))).toBe(false);
}, 240_000);

it('draws GenEval 2 as its scorer looks pictures up, and refuses what no scorer takes before anything is loaded', async () => {
  const drawn = await draw('geneval2', ['--out', 'o']);
  expect(drawn.code, drawn.stderr).toBe(0);
  expect(JSON.parse(readFileSync(path('o/image_paths.json'), 'utf8'))).toEqual({
    'a fox': 'images/00000.png',
    'two foxes': 'images/00001.png',
    'a café': 'images/00002.png',
  });
  expect(drawn.stdout.toString()).toContain('--image_filepath_data image_paths.json --method soft_tifa_gm');
  expect((await run(['eval', 'check', 'o', '--as', 'geneval2'], { cwd: folder })).code).toBe(0);

  const refusals: readonly (readonly [string, readonly string[], string])[] = [
    ['geneval2', ['--out', 'x', '--images-per-prompt', '4'], 'GenEval 2 takes one picture a prompt, not 4'],
    ['dpg', ['--out', 'x', '--size', '32x48'], 'DPG-Bench takes square pictures, not 32x48'],
    ['dpg', ['--out', 'x', '--images-per-prompt', '3'], 'DPG-Bench scores 1 or 4 pictures a prompt, not 3'],
    ['geneval', ['--out', 'x', '--prompts', '../dpg.jsonl'], 'dpg.jsonl:1: tag: must be a text'],
    ['geneval', ['--out', 'x', '--prompt-key', 'long'], 'geneval.jsonl:1: the key long'],
    ['geneval', [], '--out is missing'],
    ['geneval', ['--set', 'sample.steps=3'], '--out: must be a text, got nothing'],
    ['geneval', ['--out', 'x', '--set', 'sample.count=3'], 'unknown key "sample.count"'],
    [
      'geneval',
      ['--out', 'x', '--set', 'benchmark.promts=3'],
      'unknown key "benchmark.promts", did you mean "prompts"?',
    ],
  ];
  for (const [kind, args, message] of refusals) {
    const refused = await draw(kind, args);
    expect(refused.code, message).toBeGreaterThan(0);
    expect(refused.stderr).toContain(message);
  }
  expect(existsSync(path('x'))).toBe(false);
}, 240_000);
