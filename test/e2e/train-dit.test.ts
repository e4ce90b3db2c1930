// `svg-t2i train dit` and its companions on a small release: resuming bit for bit, killed runs, the cache, export.
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { writeTinyRelease } from '../../dist/release/tiny-release.js';
import { jsonLines, run } from './cli.js';
import { ditArgs, ditConfig, lossesOf, makeWorkshop, stateOf, type Workshop } from './training.js';

let workshop: Workshop;
beforeAll(async () => {
  workshop = await makeWorkshop();
  const whole = await run(ditArgs(workshop, 'whole'));
  expect([whole.code, whole.stderr]).toEqual([0, expect.stringContaining('step 8/8')]);
});
afterAll(() => rmSync(workshop.folder, { recursive: true }));

const inRun = (...path: readonly string[]) => join(workshop.folder, ...path);

it('lowers the loss and leaves everything in its folder', () => {
  const names = readdirSync(inRun('whole'));
  for (const name of ['checkpoints', 'config.yaml', 'export', 'losses.svg', 'metrics.jsonl', 'samples']) {
    expect(names).toContain(name);
  }
  expect(names.some((name) => name.startsWith('events.out.tfevents.'))).toBe(true);
  expect(names).not.toContain('lock');
  const losses = lossesOf(workshop, 'whole').map(([, { loss }]) => loss);
  expect(losses).toHaveLength(8);
  expect(losses[7]).toBeLessThan(losses[0] ?? 0);
});

it('stopped by Ctrl-C saves, and resumed gives the same bits', async () => {
  const quick = ['--set', 'samples.every=0'];
  let asked = false;
  const stopped = await run(ditArgs(workshop, 'stopped', ...quick, '--set', 'steps=1000000'), {
    watch: (child, _, stderr) => {
      if (asked || !stderr.includes('step 2/')) return;
      asked = true;
      child.kill('SIGINT');
    },
  });
  expect(stopped.code).toBe(130);
  const step = Number(/interrupted after step (\d+) of 1000000, which is saved/.exec(stopped.stderr)?.[1]);
  expect(step).toBeGreaterThanOrEqual(2);
  expect(existsSync(inRun('stopped', 'export'))).toBe(false);
  const further = [...quick, '--set', `steps=${step + 2}`];
  const resumed = await run(['train', 'dit', '--run', inRun('stopped'), '--resume', ...further]);
  expect([resumed.code, resumed.stderr]).toEqual([0, expect.stringContaining('going on after step')]);
  expect((await run(ditArgs(workshop, 'straight', ...further))).code).toBe(0);
  const [got, wanted] = ['stopped', 'straight'].map((name) => stateOf(workshop, name, step + 2));
  expect(wanted !== undefined && got?.equals(wanted)).toBe(true);
  expect(lossesOf(workshop, 'stopped')).toEqual(lossesOf(workshop, 'straight'));
});

it('killed at any moment, also while saving, goes on to the same bits', async () => {
  const every = ['--set', 'checkpoints.every=1', '--set', 'samples.every=0'];
  // Each try gets a little further before it is killed.
  for (let delayMs = 0; delayMs < 400; delayMs += 50) {
    await run(ditArgs(workshop, 'killed', ...every, '--resume', 'auto'), {
      watch: (child, _, stderr) => {
        if (/step \d+\/8/.test(stderr)) setTimeout(() => child.kill('SIGKILL'), delayMs);
      },
    });
  }
  const last = await run(ditArgs(workshop, 'killed', ...every, '--resume', 'auto'));
  expect(last.code).toBe(0);
  expect(stateOf(workshop, 'killed', 8).equals(stateOf(workshop, 'whole', 8))).toBe(true);
  expect(lossesOf(workshop, 'killed')).toEqual(lossesOf(workshop, 'whole'));
});

it('refuses a folder that another run is using', async () => {
  let second: ReturnType<typeof run> | undefined;
  await run(ditArgs(workshop, 'shared', '--set', 'steps=1000000', '--set', 'samples.every=0'), {
    watch: (child, _, stderr) => {
      if (second !== undefined || !stderr.includes('step 1/')) return;
      second = run(ditArgs(workshop, 'shared')).finally(() => child.kill('SIGINT'));
    },
  });
  const refused = await second;
  expect(refused?.code).toBe(1);
  expect(refused?.stderr).toMatch(/shared is in use by process \d+ on /);
});

it('with the cache trains on the same numbers without encoding', async () => {
  const features = inRun('features');
  const cache = ['cache', ...ditConfig(workshop), '--out', features, '--dtype', 'fp32', '--shard-size', '5'];
  const written = await run([...cache, '--json']);
  expect(jsonLines(written)).toMatchObject([{ type: 'cache', items: 12, shards: 3, encoded: 12 }]);
  const text = await run(cache);
  expect(text.stdout.toString()).toMatch(
    /encoding took [\d.]+ ms a picture, reading takes [\d.]+ ms: [\d.]+s saved/,
  );
  const trained = await run(ditArgs(workshop, 'cached', '--set', `data.cache=${features}`, '--json'));
  expect(trained.code).toBe(0);
  const losses = jsonLines(trained).filter(({ type }) => type === 'metrics');
  expect(losses).toHaveLength(8);
  const live = lossesOf(workshop, 'whole').map(([, { loss }]) => loss);
  lossesOf(workshop, 'cached').forEach(([, { loss }], i) => {
    expect(loss).toBeCloseTo(live[i] ?? 0, 5);
  });
});

it('refuses a cache that was made with other weights', async () => {
  // The yaml of a release names files below its parent.
  const other = inRun('other', 'pre-trained');
  await writeTinyRelease(other, 2);
  const more = [`data.cache=${inRun('features')}`, `frozen.pretrained=${other}`];
  const sets = more.flatMap((value) => ['--set', value]);
  const refused = await run(ditArgs(workshop, 'other-weights', ...sets));
  expect(refused.code).toBe(4);
  expect(refused.stderr).toMatch(
    /^error: the cache .*features was made with another encoder \(SHA-256 .*\n {2}-> /m,
  );
  expect(existsSync(inRun('other-weights', 'checkpoints'))).toBe(false);
});

it('with a full disk keeps the earlier checkpoint, and goes on from it to the same bits', async () => {
  const begun = await run(ditArgs(workshop, 'full', '--set', 'steps=4'));
  expect(begun.code).toBe(0);
  const failed = await run(ditArgs(workshop, 'full', '--resume'), { fileBlocks: 1024 });
  expect(failed.code).toBe(1);
  expect(failed.stderr).toMatch(/^error: .*step-00000008.*\n {2}-> .*\n {2}ERR_SVGT2I_DISK_FULL$/m);
  expect(readdirSync(inRun('full', 'checkpoints'))).toEqual(['step-00000004']);
  const resumed = await run(ditArgs(workshop, 'full', '--resume'));
  expect([resumed.code, resumed.stderr]).toEqual([0, expect.stringContaining('going on after step 4')]);
  expect(stateOf(workshop, 'full', 8).equals(stateOf(workshop, 'whole', 8))).toBe(true);
});

it('exports what sample draws with, and statistics that it can use', async () => {
  const out = inRun('exported');
  const exported = await run(['export', inRun('whole'), '--out', out, '--json']);
  expect(jsonLines(exported)).toMatchObject([{ type: 'export', step: 8 }]);
  const statistics = inRun('stats.pt');
  const stats = await run(['stats', ...ditConfig(workshop), '--count', '5', '--out', statistics]);
  expect(stats.stdout.toString()).toBe(`${statistics}: 64 channels over 5 pictures\n`);
  const flags = [
    '--pretrained',
    workshop.pretrained,
    '--dit',
    join(out, 'dit-whole'),
    '--statistics',
    statistics,
  ];
  const drawn = await run(['sample', 'x', ...flags, '--size', '64x64', '--steps', '3', '-o', inRun('x.png')]);
  expect([drawn.code, existsSync(inRun('x.png'))]).toEqual([0, true]);
});

it('begins with an exported model and lists what does not fit', async () => {
  const start = `initFrom={"path": "${inRun('whole')}"}`;
  const more = ['--set', start, '--set', 'model.n_layers=3', '--set', 'steps=1', '--set', 'samples.every=0'];
  const begun = await run(ditArgs(workshop, 'begun', ...more));
  expect(begun.code).toBe(0);
  expect(begun.stderr).toMatch(/initFrom lacks, drawn anew: layers\.2\..* and \d+ more/);
});

it('refuses to begin with int8, whose numbers are nothing without their scales', async () => {
  const [exported, rounded] = [inRun('to-round'), inRun('dit-int8')];
  expect((await run(['export', inRun('whole'), '--out', exported])).code).toBe(0);
  const converted = await run(['convert', join(exported, 'dit-whole'), rounded, '--quantize', 'int8']);
  expect([converted.code, converted.stderr]).toEqual([0, '']);
  const from = (path: string) => ['--set', `initFrom={"path": "${path}"}`, '--set', 'steps=1'];
  const refused = await run(ditArgs(workshop, 'rounded', ...from(rounded)));
  expect(refused.code).toBe(4);
  expect(refused.stderr).toMatch(/dit-int8.* is int8, and training begins with numbers in full/);
  expect(refused.stderr).toContain('ERR_SVGT2I_WEIGHTS_MISMATCH');
  // As the hint has it.
  const full = inRun('dit-full');
  expect((await run(['convert', rounded, full, '--dtype', 'fp32'])).code).toBe(0);
  const begun = await run(ditArgs(workshop, 'from-full', ...from(full), '--set', 'samples.every=0'));
  expect([begun.code, begun.stderr]).toEqual([0, expect.not.stringContaining('initFrom')]);
});

it('refuses a checkpoint of another model', async () => {
  const other = await run(ditArgs(workshop, 'whole', '--resume', '--set', 'model.n_layers=1'));
  expect(other.code).toBe(4);
  expect(other.stderr).toContain('ERR_SVGT2I_WEIGHTS_MISMATCH');
});

it.each([
  [
    'broken pictures',
    { 'x.png': 'broken', 'list.jsonl': '{"path": "x.png", "prompt": "p"}' },
    'ERR_SVGT2I_DATA',
  ],
  ['no captions', { 'list.jsonl': '{"path": "x.png"}' }, 'ERR_SVGT2I_FILE_FORMAT'],
  ['nothing', { 'list.jsonl': '' }, 'ERR_SVGT2I_FILE_FORMAT'],
])('a dataset of %s is a typed error with a fix', async (name, files, code) => {
  for (const [file, text] of Object.entries(files)) writeFileSync(inRun(file), text);
  const set = `data.sets=[{"path": "${inRun('list.jsonl')}"}]`;
  const failed = await run(ditArgs(workshop, name, '--set', set));
  expect(failed.code).toBe(1);
  expect(failed.stderr).toContain(code);
  expect(failed.stderr).toContain('->');
});
