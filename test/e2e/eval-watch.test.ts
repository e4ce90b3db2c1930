// `svg-t2i eval watch` beside training, after it, killed and started again; the run's own records stay as they are.
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readImage } from '../../dist/image/decode.js';
import { jsonLines, run } from './cli.js';
import {
  autoencoderArgs,
  ditArgs,
  lossesOf,
  makeWorkshop,
  readText,
  stateOf,
  type Workshop,
} from './training.js';

let workshop: Workshop;
beforeAll(async () => {
  workshop = await makeWorkshop();
});
afterAll(() => rmSync(workshop.folder, { recursive: true }));

const inRun = (...path: readonly string[]) => join(workshop.folder, ...path);
const often = ['--set', 'checkpoints={"every": 2, "keep": 8}'];
const watchArgs = (name: string, ...more: readonly string[]) => [
  'eval',
  'watch',
  inRun(name),
  ...['--count', '5', '--interval', '0.1', '--threads', '1', '--json'],
  ...more,
];

interface Line {
  readonly step: number;
  readonly values: Readonly<Record<string, number>>;
  readonly grid: string;
}

const linesOf = (name: string): readonly Line[] =>
  readText(workshop, name, 'eval.jsonl')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);

it('follows an autoencoder beside its training, and leaves its records as they are', async () => {
  const alone = await run(autoencoderArgs(workshop, 'alone', ...often));
  expect([alone.code, alone.stderr]).toEqual([0, expect.stringContaining('step 8/8')]);
  // Started first: it waits for the run to begin.
  const watching = run(watchArgs('beside'));
  const trained = await run(autoencoderArgs(workshop, 'beside', ...often));
  expect(trained.code).toBe(0);
  const watched = await watching;
  expect([watched.code, watched.stderr]).toEqual([0, '']);
  const events = jsonLines(watched);
  expect(events[0]).toEqual({ type: 'waiting', for: `svg-t2i train to begin the run ${inRun('beside')}` });
  expect(events.at(-1)).toMatchObject({ type: 'result', ended: 'run-ended' });
  const measured = events.filter(({ type }) => type === 'evaluation').map(({ step }) => step);
  expect(measured).toEqual([2, 4, 6, 8]);
  const lines = linesOf('beside');
  expect(lines.map(({ step }) => step)).toEqual([2, 4, 6, 8]);
  for (const { values } of lines) {
    expect(Object.keys(values)).toEqual(['psnr', 'ssim']);
    expect(values.psnr).toBeGreaterThan(5);
    expect(Math.abs(values.ssim ?? 2)).toBeLessThanOrEqual(1);
  }
  expect(lines.at(-1)?.values.psnr).toBeGreaterThan(lines[0]?.values.psnr ?? Number.POSITIVE_INFINITY);

  expect(lossesOf(workshop, 'beside')).toEqual(lossesOf(workshop, 'alone'));
  expect(stateOf(workshop, 'beside', 8).equals(stateOf(workshop, 'alone', 8))).toBe(true);
  const eventFiles = (...path: readonly string[]) =>
    readdirSync(inRun(...path)).filter((name) => name.startsWith('events.out.tfevents.'));
  expect([eventFiles('beside').length, eventFiles('beside', 'eval').length]).toEqual([1, 1]);

  // Afterwards the same numbers come out, of the same pictures.
  const after = await run(watchArgs('alone', '--once'));
  expect(after.code).toBe(0);
  expect(linesOf('alone').map(({ values }) => values)).toEqual(lines.map(({ values }) => values));
});

it('measures what a killed watch has left, and nothing twice', async () => {
  rmSync(inRun('alone', 'eval'), { recursive: true });
  rmSync(inRun('alone', 'eval.jsonl'));
  const killed = await run(watchArgs('alone'), {
    watch: (child, stdout) => {
      if (stdout.includes('"type":"evaluation"')) child.kill('SIGKILL');
    },
  });
  expect(killed.code).toBe(137);
  const before = linesOf('alone').length;
  expect(before).toBeGreaterThan(0);
  expect(existsSync(inRun('alone', 'eval', 'lock'))).toBe(true);
  const rest = await run(watchArgs('alone'));
  expect([rest.code, rest.stderr]).toEqual([0, '']);
  expect(jsonLines(rest).filter(({ type }) => type === 'evaluation')).toHaveLength(4 - before);
  expect(linesOf('alone').map(({ step }) => step)).toEqual([2, 4, 6, 8]);
  expect(existsSync(inRun('alone', 'eval', 'lock'))).toBe(false);
  expect((await run(watchArgs('alone'))).code).toBe(0);
});

it('draws the prompts of a transformer with one seed, and ends on Ctrl-C while it waits', async () => {
  const args = ditArgs(workshop, 'dit', '--set', 'samples.every=0', ...often, '--set', 'steps=4');
  expect((await run(args)).code).toBe(0);
  const prompts = inRun('prompts.txt');
  writeFileSync(prompts, 'a red circle\na blue square\n');
  const once = await run(watchArgs('dit', '--once', '--prompts', prompts));
  expect([once.code, once.stderr]).toEqual([0, '']);
  const [first, second] = linesOf('dit');
  expect(first?.values).toEqual({});
  expect(Object.keys(second?.values ?? {})).toEqual(['previous-psnr', 'previous-ssim']);
  // Two pictures of 64 pixels, 4 apart.
  expect(await readImage(inRun('dit', first?.grid ?? ''))).toMatchObject({ width: 132, height: 64 });
  const people = await run(['eval', 'watch', inRun('dit'), '--once', '--count', '1', '--threads', '1']);
  expect(people.code).toBe(0);
  expect(people.stdout.toString()).toMatch(/^step 2 {2}\([\d.]+ s\)\nstep 4 {2}previous-psnr [\d.]+ dB/);
  expect(people.stderr).toContain(`curves and pictures: ${inRun('dit', 'eval', 'report.html')}\n`);

  // A run that is to go on further.
  rmSync(inRun('dit', 'checkpoints', 'step-00000004'), { recursive: true });
  const stopped = await run(watchArgs('dit', '--prompts', prompts), {
    watch: (child, stdout) => {
      if (stdout.includes('"type":"waiting"')) child.kill('SIGINT');
    },
  });
  expect(stopped.code).toBe(130);
  expect(existsSync(inRun('dit', 'eval', 'lock'))).toBe(false);
});

it('refuses in one line, before any work', async () => {
  const refusals: [readonly string[], number, RegExp][] = [
    [['eval', 'watch', '--json'], 2, /the folder of the run is missing/],
    [watchArgs('nowhere', '--once'), 1, /nowhere holds no run yet/],
    [watchArgs('pictures'), 1, /pictures is no folder of a run: it holds 0\.png/],
    [watchArgs('alone', '--metrics', 'psnr,shapes'), 2, /shapes is none of stage autoencoder/],
    [watchArgs('alone', '--metrics', 'fid'), 4, /fid: the weights of FID's Inception are not given/],
    [watchArgs('alone', '--count', '0'), 2, /--count: must be at least 1/],
    [watchArgs('alone', '--set', 'watch.intervall=3'), 2, /did you mean \\"interval\\"/],
    [watchArgs('alone', '--inception', '/nowhere.pth'), 1, /nowhere\.pth/],
  ];
  for (const [args, code, message] of refusals) {
    const refused = await run(args);
    expect(refused).toMatchObject({ code });
    expect(refused.stdout.toString()).toMatch(message);
  }
});
