/** `eval watch` on runs whose engine trains nothing: every metric is the sum of what the checkpoint was given. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import type { EvaluateEvent } from '../../../lib/eval/events.js';
import type { WatchRequest } from '../../../lib/eval/watch/types.js';
import { readImage } from '../../../lib/image/decode.js';
import { runFolder, writeRunConfig } from '../../../lib/train/run-folder.js';
import { behaviour, calls } from '../train/engine.js';
import {
  autoencoder,
  data,
  dit,
  folder,
  inRun,
  ofKind,
  run,
  useTrainingFolder,
  writeList,
} from '../train/fixtures.js';

vi.mock('../../../lib/engine.js', async () => ({
  Engine: (await import('../train/engine.js')).Engine,
  runtimeInfo: () => ({ cudaDevices: 0 }),
}));
vi.mock('../../../lib/data/image-pool.js', async () => ({
  ImagePool: (await import('../train/engine.js')).ImagePool,
}));

useTrainingFolder();

const events: EvaluateEvent[] = [];
async function watch(options: Partial<WatchRequest> & { readonly signal?: AbortSignal } = {}) {
  const { signal, ...request } = options;
  const { evaluateWatch } = await import('../../../lib/eval/watch/watch.js');
  events.length = 0;
  return await evaluateWatch(
    { run: inRun(), interval: 0.05, count: 4, ...request },
    { signal, onEvent: (event) => events.push(event) },
  );
}

const eventsOf = <Type extends EvaluateEvent['type']>(type: Type) =>
  events.filter((event): event is Extract<EvaluateEvent, { type: Type }> => event.type === type);
const lines = () =>
  readFileSync(inRun('eval.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { step: number; values: Record<string, number>; grid: string });
const stepsOf = (evaluations: readonly { readonly step: number }[]) => evaluations.map(({ step }) => step);

/** Every step has a checkpoint, and all are kept. */
const everyStep = { checkpoints: { every: 1, keep: 9 }, logEvery: 1 };
const weightAt = (step: number) =>
  Number(
    readFileSync(inRun('checkpoints', `step-0000000${step}`, 'rank-00000-of-00001.safetensors'), 'utf8'),
  );
const autoencoderRun = (change: object = {}) => run(autoencoder({ ...everyStep, ...change }));

describe('the checkpoints of an autoencoder', () => {
  it('are measured once each, and leave lines, grids, a report and events', async () => {
    await autoencoderRun();
    const { evaluations, ended, report } = await watch();
    expect(ended).toBe('run-ended');
    expect(stepsOf(evaluations)).toEqual([1, 2, 3, 4]);
    for (const { step, values } of evaluations)
      expect(values).toEqual({ psnr: weightAt(step), ssim: weightAt(step) });
    expect(lines()).toEqual(evaluations);
    expect(eventsOf('evaluation').map(({ type: _, ...line }) => line)).toEqual(evaluations);
    expect(report).toBe(inRun('eval', 'report.html'));
    expect(JSON.parse(readFileSync(inRun('eval', 'results.json'), 'utf8'))).toMatchObject({
      kind: 'watch',
      stage: 'autoencoder',
      evaluations,
    });
    const names = readdirSync(inRun('eval'));
    expect(names.filter((name) => name.endsWith('.png'))).toHaveLength(4);
    expect(names.filter((name) => name.startsWith('events.out.tfevents'))).toHaveLength(1);
    expect(names).not.toContain('lock');
    // Four originals above four reconstructions, 4 pixels apart.
    const grid = await readImage(inRun(lines()[0]?.grid ?? ''));
    expect([grid.width, grid.height]).toEqual([4 * 32 + 3 * 4, 2 * 32 + 4]);

    calls.length = 0;
    const page = readFileSync(inRun('eval', 'report.html'), 'utf8');
    expect(page).toContain('Step 4');
    const again = await watch();
    // With the pictures of the last checkpoint, which nobody has measured again.
    expect(readFileSync(inRun('eval', 'report.html'), 'utf8')).toBe(page);
    expect([again.evaluations, again.ended, calls.length]).toEqual([[], 'run-ended', 0]);
    expect(again.report).toBe(report);
  });

  it('are those that the run publishes, in little memory, and the engine is nice', async () => {
    await autoencoderRun({ ema: { decay: 0.5 } });
    calls.length = 0;
    await watch({ once: true });
    expect(ofKind('train-publish').map(({ request }) => request)).toEqual(
      Array.from({ length: 4 }, () => ({ weights: 'ema', dtype: 'fp32' })),
    );
    const first = calls.map(({ kind }) => kind).slice(0, 6);
    expect(first).toEqual([
      'train-open',
      'train-restore',
      'train-publish',
      'train-close',
      'measure-open',
      'encode',
    ]);
  });

  it('are measured by what was named, on what was named', async () => {
    await autoencoderRun();
    writeList('held-out.jsonl', 6, (i) => (i === 2 ? 'broken.png' : `h${i}.png`));
    writeFileSync(join(folder, 'inception.pth'), '');
    const { evaluations } = await watch({
      data: join(folder, 'held-out.jsonl'),
      count: 50,
      inception: join(folder, 'inception.pth'),
      metrics: ['fid', 'psnr'],
    });
    expect(evaluations[0]?.values).toEqual({ psnr: weightAt(1), fid: weightAt(1) });
    expect(eventsOf('bad-picture')).toEqual([
      {
        type: 'bad-picture',
        path: join(folder, 'broken.png'),
        message: expect.stringContaining('broken.png'),
      },
    ]);
    expect(eventsOf('warning')).toEqual([
      {
        type: 'warning',
        message: expect.stringMatching(
          /^each checkpoint: fid of 50 pictures, fewer than the 2048 dimensions/,
        ),
      },
    ]);
    expect(ofKind('measure-open')[0]?.request).toMatchObject({
      inception: { path: join(folder, 'inception.pth') },
      metrics: ['fid'],
    });
    // Five of six can be read.
    const added = ofKind('measure-add').map(({ request, tensors }) => [
      request.set,
      Object.keys(tensors).length,
    ]);
    expect(added.slice(0, 2)).toEqual([
      ['originals', 5],
      ['reconstructions', 5],
    ]);
    expect(added).toHaveLength(2 * 4);
  });

  it('are measured anew by a metric that was not asked for before, and on another set beside it', async () => {
    await autoencoderRun();
    await watch({ metrics: ['psnr'] });
    expect(stepsOf((await watch({ metrics: ['psnr', 'ssim'] })).evaluations)).toEqual([1, 2, 3, 4]);
    expect(lines()).toHaveLength(4);
    expect(stepsOf((await watch({ metrics: ['psnr', 'ssim'], seed: 1 })).evaluations)).toEqual([1, 2, 3, 4]);
    expect(lines()).toHaveLength(8);
    expect(new Set(lines().map(({ grid }) => grid)).size).toBe(8);
    expect(JSON.parse(readFileSync(inRun('eval', 'results.json'), 'utf8')).evaluations).toHaveLength(4);
  });

  it('that disappear while they are read are skipped, and damaged ones are told of once', async () => {
    await autoencoderRun();
    const checkpoint = (step: number) => inRun('checkpoints', `step-0000000${step}`);
    writeFileSync(join(checkpoint(2), 'rank-00000-of-00001.safetensors'), '9');
    writeFileSync(join(checkpoint(3), 'state.json'), '{');
    behaviour.onOpen = () => rmSync(checkpoint(1), { recursive: true, force: true });
    const { evaluations } = await watch();
    expect(stepsOf(evaluations)).toEqual([4]);
    expect(eventsOf('skipped')).toEqual([
      { type: 'skipped', step: 3, message: expect.stringMatching(/step-00000003\/state\.json is damaged$/) },
      { type: 'skipped', step: 1, message: 'it was removed before it was read' },
      { type: 'skipped', step: 2, message: expect.stringMatching(/safetensors has 1 bytes, not \d+$/) },
    ]);
  });

  it('of steps that the run went back before count no more', async () => {
    await autoencoderRun();
    await watch();
    for (const step of [3, 4]) rmSync(inRun('checkpoints', `step-0000000${step}`), { recursive: true });
    // As a run does that is resumed from step 2, and has taken its third step again.
    const reported = readFileSync(inRun('metrics.jsonl'), 'utf8').trimEnd().split('\n');
    const third = JSON.stringify({ ...JSON.parse(reported[2] ?? ''), time: 'later' });
    rmSync(inRun('metrics.jsonl'));
    writeFileSync(inRun('metrics.jsonl'), `${[...reported.slice(0, 2), third].join('\n')}\n`);
    const { evaluations } = await watch({ once: true });
    expect(evaluations).toEqual([]);
    expect(stepsOf(lines())).toEqual([1, 2]);
    expect(eventsOf('warning').map(({ message }) => message)).toContainEqual(
      'the run went back before step 3, 4: what was measured there counts no more',
    );
    const names = readdirSync(inRun('eval'));
    expect(names.filter((name) => name.endsWith('.png'))).toHaveLength(2);
    // Though nothing was measured since.
    const events = names.filter((name) => name.startsWith('events.out.tfevents'));
    expect(events).toHaveLength(1);
    const tags = readFileSync(inRun('eval', events[0] ?? ''), 'latin1').match(/eval\/psnr/g);
    expect(tags).toHaveLength(2);
    const results = JSON.parse(readFileSync(inRun('eval', 'results.json'), 'utf8'));
    expect(stepsOf(results.evaluations)).toEqual([1, 2]);
  });

  it('stay measured where the run reports on their steps after they were saved', async () => {
    await autoencoderRun();
    rmSync(inRun('metrics.jsonl'));
    writeFileSync(inRun('metrics.jsonl'), `${JSON.stringify({ step: 1, losses: {}, time: 'a' })}\n`);
    await watch();
    writeFileSync(inRun('metrics.jsonl'), `${JSON.stringify({ step: 2, losses: {}, time: 'b' })}\n`);
    expect((await watch()).evaluations).toEqual([]);
    expect(stepsOf(lines())).toEqual([1, 2, 3, 4]);
  });
});

describe('a watch', () => {
  it('waits for the run to begin, and goes on beside it until its end', async () => {
    const watching = watch();
    await expect
      .poll(() => eventsOf('waiting'))
      .toEqual([{ type: 'waiting', for: `svg-t2i train to begin the run ${inRun()}` }]);
    await autoencoderRun();
    const { evaluations, ended } = await watching;
    expect([stepsOf(evaluations), ended]).toEqual([[1, 2, 3, 4], 'run-ended']);
  });

  it('goes on where another one was killed in the midst of a line', async () => {
    await autoencoderRun();
    await watch();
    const whole = readFileSync(inRun('eval.jsonl'), 'utf8');
    writeFileSync(inRun('eval.jsonl'), whole.slice(0, -20));
    expect(stepsOf((await watch()).evaluations)).toEqual([4]);
    expect(stepsOf(lines())).toEqual([1, 2, 3, 4]);
  });

  it('ends at once when it is told to, and leaves the folder to the next', async () => {
    await autoencoderRun({ steps: 9 });
    rmSync(inRun('checkpoints', 'step-00000009'), { recursive: true });
    const stop = new AbortController();
    const watching = watch({ signal: stop.signal });
    await expect
      .poll(() => eventsOf('waiting'))
      .toEqual([{ type: 'waiting', for: `the next checkpoint of ${inRun()}` }]);
    await expect(watch({ once: true })).rejects.toMatchObject({
      code: 'ERR_SVGT2I_RUN_FOLDER',
      message: expect.stringMatching(/eval is in use by process \d+/),
    });
    stop.abort(new Error('enough'));
    await expect(watching).rejects.toThrow('enough');
    expect(existsSync(inRun('eval', 'lock'))).toBe(false);
    expect((await watch({ once: true })).ended).toBe('once');
  });

  it('refuses what is no run, before any work', async () => {
    const refusals: [Partial<WatchRequest>, string, RegExp][] = [
      [{ once: true }, 'ERR_SVGT2I_FILE_NOT_FOUND', /run holds no run yet$/],
      [{ run: folder }, 'ERR_SVGT2I_RUN_FOLDER', /is no folder of a run: it holds list\.jsonl/],
      [{ run: join(folder, 'list.jsonl') }, 'ERR_SVGT2I_RUN_FOLDER', /it is no folder$/],
      [{ data: '/nowhere' }, 'ERR_SVGT2I_FILE_NOT_FOUND', /\/nowhere/],
      [{ prompts: '/nowhere' }, 'ERR_SVGT2I_FILE_NOT_FOUND', /\/nowhere/],
      [{ lpips: '/nowhere' }, 'ERR_SVGT2I_FILE_NOT_FOUND', /\/nowhere/],
      [{ count: 0 }, 'ERR_SVGT2I_INVALID_ARGUMENT', /^count: must be at least 1, got 0$/],
      [{ cuont: 3 } as object, 'ERR_SVGT2I_INVALID_ARGUMENT', /did you mean "count"/],
    ];
    for (const [request, code, message] of refusals) {
      await expect(watch(request)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
    }
    expect(calls).toEqual([]);
  });

  it('refuses what makes no sense of the run', async () => {
    mkdirSync(inRun());
    await writeRunConfig(runFolder(inRun()), autoencoder());
    const prompts = join(folder, 'prompts.txt');
    writeFileSync(prompts, 'a fox');
    const refusals: [Partial<WatchRequest>, string, RegExp][] = [
      [{ metrics: ['shapes'] }, 'ERR_SVGT2I_INVALID_ARGUMENT', /shapes is none of stage autoencoder/],
      [{ metrics: ['lpips'] }, 'ERR_SVGT2I_WEIGHTS_MISSING', /lpips/],
      [{ metrics: ['fid'] }, 'ERR_SVGT2I_WEIGHTS_MISSING', /Inception/],
      [{ prompts }, 'ERR_SVGT2I_INVALID_ARGUMENT', /prompts: an autoencoder draws none/],
      [{ metrics: ['fid'], count: 1 }, 'ERR_SVGT2I_INVALID_ARGUMENT', /fid needs 2 pictures or more/],
    ];
    for (const [request, code, message] of refusals) {
      await expect(watch(request)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
    }
    await writeRunConfig(runFolder(inRun()), dit());
    await expect(watch({ metrics: ['shapes'] })).rejects.toThrow(/shapes needs a run that trains on what/);
    await expect(watch({ metrics: ['kid'] })).rejects.toThrow(/kid needs pictures to compare with/);
    await expect(watch({ metrics: ['psnr'] })).rejects.toThrow(/psnr is none of stage dit/);
  });
});

describe('the checkpoints of a transformer', () => {
  it('draw the prompts of the run with one seed, and are compared with the one before', async () => {
    await run(dit());
    calls.length = 0;
    const { evaluations } = await watch({ seed: 7 });
    expect(stepsOf(evaluations)).toEqual([4, 6]);
    expect(evaluations[0]?.values).toEqual({});
    const close = expect.closeTo(weightAt(6), 10);
    expect(evaluations[1]?.values).toEqual({ 'previous-psnr': close, 'previous-ssim': close });
    const items = ofKind('sample').flatMap(({ request }) => request.items);
    expect(items.map(({ seed }) => seed)).toEqual([7, 8, 9, 7, 8, 9]);
    expect(ofKind('train-publish')[0]?.request).toEqual({ weights: 'ema', dtype: 'fp32' });
    // Of the frozen models all that draw.
    expect(Object.keys(ofKind('load')[0]?.request ?? {})).toEqual(
      expect.arrayContaining(['textEncoder', 'autoencoder', 'statistics']),
    );
  });

  it('draw prompts of a file, and are compared with pictures by KID and FID', async () => {
    await run(dit());
    const prompts = join(folder, 'prompts.txt');
    writeFileSync(prompts, 'a fox\na cat\na dog\na cow\na hen\n');
    writeFileSync(join(folder, 'inception.pth'), '');
    calls.length = 0;
    const { evaluations } = await watch({
      prompts,
      data: join(folder, 'list.jsonl'),
      inception: join(folder, 'inception.pth'),
    });
    expect(evaluations[0]?.values).toEqual({ is: weightAt(4), kid: weightAt(4), fid: weightAt(4) });
    expect(ofKind('measure-result')[0]?.request).toMatchObject({
      set: 'drawn',
      reference: 'reference',
      metrics: ['is', 'kid', 'fid'],
      kid: { subsetSize: 4 },
      inceptionScore: { splits: 1 },
    });
    // Four of five: --count.
    expect(ofKind('sample').flatMap(({ request }) => request.items)).toHaveLength(2 * 4);
  });

  it('get their score of shapes where they are trained on them', async () => {
    const asked = { category: 'single_object', groups: [{ count: 1, shape: 'circle' }] };
    const list = join(folder, 'shapes.jsonl');
    const entry = (i: number) => JSON.stringify({ path: `${i}.png`, prompt: 'a circle', asked });
    writeFileSync(list, Array.from({ length: 10 }, (_, i) => entry(i)).join('\n'));
    await run(dit({ data: data({ sets: [{ path: list }] }) }));
    const { evaluations } = await watch({ count: 12 });
    expect(evaluations[0]?.values).toEqual({
      shapes: 0,
      'shapes/single_object': 0,
      'shapes/two_objects': 0,
      'shapes/counting': 0,
      'shapes/colors': 0,
      'shapes/position': 0,
      'shapes/color_attribution': 0,
    });
    // Two of each category in a row.
    const grid = await readImage(inRun(lines()[0]?.grid ?? ''));
    expect([grid.width, grid.height]).toEqual([2 * 32 + 4, 6 * 32 + 5 * 4]);
    const prompts = join(folder, 'prompts.txt');
    writeFileSync(prompts, 'a fox');
    await expect(watch({ prompts, metrics: ['shapes'] })).rejects.toThrow(/shapes needs/);
  });
});
