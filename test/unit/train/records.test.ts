import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ditTrainingSchema } from '../../../lib/config/train-dit.js';
import { validate } from '../../../lib/config/validate.js';
import { lossPlot } from '../../../lib/train/loss-plot.js';
import { duration, type Metrics, MetricsFile, metricsLine } from '../../../lib/train/metrics.js';
import { Recorder } from '../../../lib/train/recorder.js';
import { runFolder } from '../../../lib/train/run-folder.js';
import { learningRate, totalSteps } from '../../../lib/train/schedule.js';
import { crc32c, EventWriter } from '../../../lib/train/tensorboard.js';
import { meansByTime, TimeBins } from '../../../lib/train/time-bins.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'svg-records-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const config = (schedule: object, extra: object = {}) =>
  validate(ditTrainingSchema, {
    steps: 100,
    batch: { global: 4 },
    model: { preset: '2B' },
    data: { sets: [{ path: 'a' }], resolution: 64 },
    optimizer: { lr: 2 },
    schedule,
    ...extra,
  });

describe('the learning rate', () => {
  it('rises over the warm-up, then stays by default', () => {
    const rates = [0, 3, 9, 10, 99].map((step) => learningRate(config({ warmupSteps: 10 }), step, 100));
    expect(rates).toEqual([0.2, 0.8, 2, 2, 2]);
  });

  it.each([
    ['cosine', [2, 1.1, 0.2]],
    ['linear', [2, 1.1, 0.2]],
  ])('%s falls to its last share', (kind, expected) => {
    const rates = [0, 50, 100].map((step) => learningRate(config({ kind, finalShare: 0.1 }), step, 100));
    for (const [i, rate] of rates.entries()) expect(rate).toBeCloseTo(expected[i] ?? 0, 10);
  });
});

it('counts the steps of epochs', () => {
  expect(totalSteps(config({}), 10)).toBe(100);
  expect(totalSteps(config({}, { steps: undefined, epochs: 2 }), 10)).toBe(5);
  expect(totalSteps(config({}, { steps: undefined, epochs: 0.01 }), 10)).toBe(1);
});

it('gathers losses in 20 parts of time', () => {
  const bins = new TimeBins();
  bins.add([
    [0, 1],
    [0.04, 3],
    [1, 5],
    [0.5, Number.NaN],
  ]);
  const { sums, counts } = bins.take();
  const means = meansByTime(sums, counts);
  expect(means).toHaveLength(20);
  expect([means[0], means[10], means[19]]).toEqual([2, null, 5]);
  expect(bins.take().counts.every((count) => count === 0)).toBe(true);
});

describe('TensorBoard events', () => {
  it('have the checksum of RFC 3720', () => {
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
  });

  it('are records that fill the file, first the version, then the session', async () => {
    const writer = await EventWriter.create(folder, 300);
    await writer.scalars(300, { 'train/loss': 0.5 });
    await writer.image(300, { tag: 'samples', width: 2, height: 1, png: Uint8Array.from([1, 2, 3]) });
    await writer.close();
    const [name = ''] = readdirSync(folder);
    expect(name).toMatch(/^events\.out\.tfevents\.\d{10}\./);
    const bytes = readFileSync(join(folder, name));
    const records: Buffer[] = [];
    for (let at = 0; at < bytes.length; ) {
      const length = Number(bytes.readBigUInt64LE(at));
      records.push(bytes.subarray(at + 12, at + 12 + length));
      at += 16 + length;
      expect(at).toBeLessThanOrEqual(bytes.length);
    }
    expect(records).toHaveLength(4);
    expect(records[0]?.toString('latin1')).toContain('brain.Event:2');
    // wall_time: 9 bytes, step 300 as a varint, then summary {value {tag, simple_value 0.5}}.
    expect([...(records[2]?.subarray(9) ?? [])]).toEqual([
      0x10,
      0xac,
      0x02,
      0x2a,
      19,
      0x0a,
      17,
      0x0a,
      10,
      ...Buffer.from('train/loss'),
      0x15,
      0,
      0,
      0,
      0x3f,
    ]);
    expect(records[3]?.toString('latin1')).toContain('samples');
  });
});

describe('the name of an event file', () => {
  const later = (name: string, than: string) => [name, than].sort()[1] === name && name !== than;
  async function start(): Promise<string> {
    const before = new Set(readdirSync(folder));
    await (await EventWriter.create(folder, 1)).close();
    return readdirSync(folder).find((name) => !before.has(name)) ?? '';
  }
  afterEach(() => vi.useRealTimers());

  it('comes after all earlier ones, also of the same second', async () => {
    const first = await start();
    expect(later(await start(), first)).toBe(true);
  });

  it.each([
    ['a day back', Date.now() - 86_400_000],
    ['in 2001, with a digit less', 999_999_998_000],
    ['before 1970', -1_000_000],
  ])('also where the clock is %s', async (_, now) => {
    vi.useFakeTimers({ toFake: ['Date'] });
    vi.setSystemTime(now);
    const first = await start();
    vi.setSystemTime(Date.UTC(2026, 0));
    const second = await start();
    vi.setSystemTime(now);
    const third = await start();
    expect([later(second, first), later(third, second)]).toEqual([true, true]);
  });
});

const metrics = (step: number, loss: number | null): Metrics => ({
  step,
  epoch: 1,
  losses: { loss },
  gradNorm: 1.5,
  lr: 2e-4,
  imagesPerSecond: 10,
  secondsPerStep: 0.5,
  dataShare: 0.013,
  milliseconds: { data: 1 },
  badSteps: 0,
  badItems: 0,
  time: '2026-01-01T00:00:00.000Z',
});

describe('metrics', () => {
  it('are one fixed line', () => {
    expect(metricsLine(metrics(10, 0.25), 110)).toBe(
      'step 10/110  loss 0.2500  norm 1.500  lr 2.00e-4  10.0 img/s  0.500 s/step  data 1.3%  left 50s',
    );
    expect(metricsLine(metrics(10, null), 110)).toContain('loss -');
  });

  it.each([
    [5, '5s'],
    [250, '4m10s'],
    [11_100, '3h05m'],
    [183_600, '2d03h'],
  ])('%i seconds are %s', (seconds, text) => expect(duration(seconds)).toBe(text));

  it('keep only the lines up to a resumed step, and no broken ones', async () => {
    const path = join(folder, 'metrics.jsonl');
    const lines = [1, 2, 3, 4].map((step) => JSON.stringify(metrics(step, step)));
    writeFileSync(path, `${lines.join('\n')}\n{"step":5,"los`);
    const file = await MetricsFile.open(path, 3);
    await file.append(metrics(4, null));
    await file.append(metrics(5, 7));
    const points = [1, 2, 3, 5].map((step) => ({ step, loss: step === 5 ? 7 : step }));
    expect(file.losses).toEqual(new Map([['loss', points]]));
    const steps = readFileSync(path, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).step);
    expect(steps).toEqual([1, 2, 3, 4, 5]);
  });
});

it('plots losses, also none and those that are no numbers', () => {
  const points = Array.from({ length: 4000 }, (_, i) => ({ step: i + 1, loss: 2 / (i + 1) }));
  const series = new Map([
    ['total', [...points, { step: 4001, loss: Number.NaN }]],
    ['rec', points],
  ]);
  const plot = lossPlot(series, 'a <run>');
  for (const text of ['a &lt;run>', '>total<', '>rec<']) expect(plot).toContain(text);
  expect(plot.match(/<polyline/g)).toHaveLength(2 * 2);
  expect(plot).not.toContain('NaN');
  expect(plot.length).toBeLessThan(200_000);
  expect(lossPlot(new Map(), 'x')).not.toContain('NaN');
  expect(lossPlot(new Map([['loss', [{ step: 5, loss: 0 }]]]), 'x')).not.toContain('NaN');
});

it('records the means of several steps everywhere', async () => {
  const run = runFolder(folder);
  const recorder = await Recorder.open(run, { step: 2, seen: 8, itemsPerEpoch: 10 });
  const add = (step: number, loss: number, applied = true) =>
    recorder.add({
      step,
      report: {
        losses: { loss },
        gradNorm: loss,
        applied,
        times: [[0.5, loss]],
        milliseconds: { forward: 10 },
      },
      lr: 0.1,
      images: 4,
      dataMs: 20,
      wholeMs: 100,
    });
  add(3, 1);
  add(4, 3);
  add(5, Number.NaN, false);
  const lossByTime = [1, null];
  const written = await recorder.flush({ badItems: 1, lossByTime });
  expect(written).toMatchObject({
    step: 5,
    epoch: 2,
    losses: { loss: 2 },
    gradNorm: 2,
    imagesPerSecond: 40,
    dataShare: 0.2,
    milliseconds: { data: 20, forward: 10 },
    badSteps: 1,
    badItems: 1,
    lossByTime,
  });
  expect(await recorder.flush({ badItems: 1 })).toBeUndefined();
  expect(await recorder.hasImage(5)).toBe(false);
  const file = await recorder.image(5, { width: 1, height: 1, data: new Uint8Array(3) });
  expect(file).toBe(join(folder, 'samples/step-00000005.png'));
  expect(await recorder.hasImage(5)).toBe(true);
  await recorder.plot('run');
  await recorder.close();
  expect(JSON.parse(readFileSync(run.metrics, 'utf8'))).toEqual(written);
  expect(readFileSync(run.plot, 'utf8')).toContain('</svg>');
});
