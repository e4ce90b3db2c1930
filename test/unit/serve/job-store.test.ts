// Jobs against a pipeline that draws at the test's pace: lines, limits, cancelling, failing, draining, keeping.
import { afterEach, describe, expect, it } from 'vitest';
import { parseDrawRequest } from '../../../lib/config/draw-request.js';
import type { ServeSettings } from '../../../lib/config/serve-settings.js';
import { SvgT2IError } from '../../../lib/errors.js';
import type { ApiError } from '../../../lib/serve/errors.js';
import type { Job, JobEvent } from '../../../lib/serve/job.js';
import { JobStore } from '../../../lib/serve/job-store.js';
import { createLog } from '../../../lib/serve/log.js';
import { Metrics } from '../../../lib/serve/metrics.js';
import { ModelSet } from '../../../lib/serve/models.js';
import { FakeDrawer, settingsOf } from './fake-drawer.js';

const open: (() => void)[] = [];
afterEach(() => {
  for (const close of open.splice(0)) close();
});

async function storeOf(settings: ServeSettings = {}, names = ['m'], log = createLog('off')) {
  const drawer = new FakeDrawer();
  const models = new ModelSet(names.map((name) => ({ name, options: {} })));
  const report = { loading: () => undefined, ready: () => undefined, failed: () => undefined };
  await models.load(async () => drawer, report);
  const metrics = new Metrics();
  const store = new JobStore(settingsOf(settings), models, metrics, log);
  open.push(() => {
    drawer.release();
    metrics.close();
  });
  const submit = (body: object, client = 'c') =>
    store.submit(parseDrawRequest({ prompt: 'a', ...body }, { unknown: 'refuse' }).request, { client });
  return { drawer, store, metrics, submit };
}

async function eventsOf(job: Job): Promise<JobEvent[]> {
  const events: JobEvent[] = [];
  for await (const event of job.events()) events.push(event);
  return events;
}

function thrownBy(call: () => unknown): ApiError {
  try {
    call();
  } catch (error) {
    return error as ApiError;
  }
  throw new Error('nothing was thrown');
}

/** Once what was begun has gone on as far as it can. */
const settled = () => new Promise((resolve) => setTimeout(resolve, 5));

describe('a job', () => {
  it('tells its steps over all pictures, its previews, pictures and end', async () => {
    const { submit } = await storeOf();
    const job = submit({ n: 2, seed: 7, partial_images: 1, num_inference_steps: 4 });
    const events: JobEvent[] = [];
    for await (const event of job.events()) events.push(event);
    expect(events.map(({ id }) => id)).toEqual([...events.map(({ id }) => id)].sort((a, b) => a - b));
    expect(events[0]).toMatchObject({ type: 'encode' });
    const steps = events.filter((event) => event.type === 'step');
    expect(steps.at(-1)).toMatchObject({ step: 8, steps: 8, eta_seconds: 0 });
    const previews = events.flatMap((event) => (event.type === 'preview' ? [[event.index, event.step]] : []));
    expect(previews.sort()).toEqual([
      [0, 2],
      [1, 2],
    ]);
    expect(job.pictures.map(({ index, seed, width, format }) => [index, seed, width, format])).toEqual([
      [0, 7, 64, 'png'],
      [1, 8, 64, 'png'],
    ]);
    expect(events.at(-1)).toMatchObject({ type: 'done', seconds: { drawing: expect.any(Number) } });
    expect([job.status, job.progress.step]).toEqual(['done', 8]);
    await job.finished;
  });

  it('has another seed each time where none is given', async () => {
    const { submit } = await storeOf();
    const jobs = [submit({}), submit({})];
    await Promise.all(jobs.map((job) => job.finished));
    const [first, second] = jobs.map((job) => job.pictures[0]?.seed);
    expect(first).not.toBe(second);
  });

  it('tells its place in line when that changes', async () => {
    const { drawer, submit } = await storeOf({ maxBatch: 1 });
    drawer.hold();
    const [running, next, last] = [submit({}), submit({}), submit({})];
    expect([running?.place, next?.place, last?.place]).toEqual([undefined, 1, 2]);
    next?.cancel();
    expect([last?.place, last?.status]).toEqual([1, 'queued']);
    drawer.release();
    if (last !== undefined) expect((await eventsOf(last)).at(0)).toMatchObject({ type: 'queued', place: 1 });
  });

  it('settles at once where it is cancelled in line, and leaves the engine where it runs', async () => {
    const { drawer, submit } = await storeOf({ maxBatch: 1 });
    drawer.hold();
    const [running, waiting] = [submit({ n: 3 }), submit({}, 'other')];
    waiting.cancel();
    await waiting.finished;
    expect([waiting.status, drawer.begun.length]).toEqual(['cancelled', 1]);
    running.cancel();
    await settled();
    expect([running.status, drawer.aborted, drawer.running, drawer.begun.length]).toEqual([
      'cancelled',
      1,
      0,
      1,
    ]);
    expect((await eventsOf(running)).at(-1)).toMatchObject({ type: 'cancelled' });
    running.cancel();
  });

  it('fails with what its picture threw, and takes its other pictures along', async () => {
    const { drawer, submit } = await storeOf({ maxBatch: 1 });
    const oom = new SvgT2IError('ERR_SVGT2I_OUT_OF_MEMORY', '9 GB are needed, 1 GB is free', {
      hint: 'Take less.',
    });
    drawer.failing.set('big', oom);
    drawer.failing.set('bug', new Error('cannot read /home/me/weights'));
    const [big, bug] = [submit({ prompt: 'big', n: 2 }), submit({ prompt: 'bug' })];
    await Promise.all([big.finished, bug.finished]);
    expect(big.error).toMatchObject({
      ...{ status: 422, code: 'out_of_memory', shouldRetry: false },
      message: '9 GB are needed, 1 GB is free. Take less.',
    });
    expect(bug.error).toMatchObject({ status: 500, code: 'internal_error' });
    expect(bug.error?.message).not.toContain('/home');
    expect(drawer.begun).toHaveLength(2);
    await settled();
    const next = submit({});
    await next.finished;
    expect(next.status).toBe('done');
  });
});

describe('what is refused', () => {
  it.each([
    [{ n: 11 }, 'n', 'limit_exceeded'],
    [{ num_inference_steps: 201 }, 'num_inference_steps', 'limit_exceeded'],
    [{ size: '4096x4096' }, 'size', 'limit_exceeded'],
    [{ prompt: 'a'.repeat(4001) }, 'prompt', 'limit_exceeded'],
    [{ solver: 'dopri5', rtol: 1e-9 }, 'rtol', 'limit_exceeded'],
  ])('%j, by the operator', async (body, param, code) => {
    const { submit } = await storeOf();
    expect(thrownBy(() => submit(body))).toMatchObject({ status: 400, param, code });
  });

  it('what the model cannot draw', async () => {
    const { submit } = await storeOf();
    const written = thrownBy(() => submit({ system_prompt: 'enhance' }));
    expect(written).toMatchObject({ status: 400, param: 'system_prompt' });
    const error = thrownBy(() => submit({ size: '60x64' }));
    expect(error).toMatchObject({ code: 'ERR_SVGT2I_INVALID_ARGUMENT' });
  });

  it('more than may wait, with a time that grows with those refused before', async () => {
    const { drawer, submit } = await storeOf({ maxBatch: 1, maxQueue: 2 });
    drawer.hold();
    for (let i = 0; i < 3; i++) submit({});
    const refusals = [thrownBy(() => submit({})), thrownBy(() => submit({}))];
    expect(refusals.map(({ status, code }) => [status, code])).toEqual(Array(2).fill([429, 'queue_full']));
    const [first = 0, second = 0] = refusals.map(({ retryAfterSeconds }) => retryAfterSeconds);
    expect(first).toBeCloseTo(5, 0);
    expect(second).toBeGreaterThan(1.9 * first);
    expect(refusals[1]?.headers()).toMatchObject({ 'retry-after': '10' });
  });

  it('nobody whose line is empty, up to twice as many', async () => {
    const { drawer, submit } = await storeOf({ maxBatch: 1, maxQueue: 2 });
    drawer.hold();
    for (let i = 0; i < 3; i++) submit({}, 'greedy');
    expect(thrownBy(() => submit({}, 'greedy'))).toMatchObject({ status: 429 });
    const others = [submit({}, 'a'), submit({}, 'b')];
    expect(others.map(({ place }) => place)).toEqual([2, 3]);
    expect(thrownBy(() => submit({}, 'c'))).toMatchObject({ status: 429 });
  });

  it('an adaptive solver that takes more steps than are drawn here', async () => {
    const { submit } = await storeOf({ maxSteps: 3 });
    // The fake takes 4 steps whatever the solver.
    const job = submit({ solver: 'dopri5' });
    await job.finished;
    expect(job.error).toMatchObject({ status: 422, code: 'limit_exceeded', shouldRetry: false });
  });

  it('nothing for what the model and not the body says', async () => {
    const { submit } = await storeOf({ maxSteps: 3, maxPixels: 3000 });
    const job = submit({});
    await job.finished;
    expect([job.status, job.progress.steps, job.width, job.height]).toEqual(['done', 3, 48, 48]);
  });

  it('nothing that can be drawn at once, even where none may wait', async () => {
    const { drawer, submit } = await storeOf({ maxBatch: 2, maxQueue: 0 });
    drawer.hold();
    submit({});
    submit({});
    expect(thrownBy(() => submit({}))).toMatchObject({ status: 429 });
  });

  it('a model that is not served, with the nearest name; any name where there is one', async () => {
    const several = await storeOf({}, ['large', 'small']);
    expect(thrownBy(() => several.submit({ model: 'smal' }))).toMatchObject({
      ...{ status: 404, param: 'model', message: 'no model is called "smal". Did you mean small?' },
    });
    expect(several.submit({ model: 'gpt-image-1' }).model).toBe('large');
    expect(several.submit({ model: 'small' }).model).toBe('small');
    const one = await storeOf();
    expect(one.submit({ model: 'anything' }).model).toBe('m');
  });
});

describe('clients', () => {
  it('take turns, picture by picture', async () => {
    const { drawer, submit } = await storeOf({ maxBatch: 1 });
    drawer.hold();
    const jobs = [
      submit({ prompt: 'first', n: 3 }, 'a'),
      submit({ prompt: 'second' }, 'b'),
      submit({ prompt: 'third' }, 'a'),
    ];
    drawer.release();
    await Promise.all(jobs.map((job) => job.finished));
    expect(drawer.begun.map(({ prompt }) => prompt)).toEqual(['first', 'first', 'second', 'first', 'third']);
  });

  it('share a batch up to its tokens', async () => {
    const { drawer, submit } = await storeOf({ maxBatchTokens: 40 });
    drawer.hold();
    const jobs = [submit({}, 'a'), submit({}, 'b'), submit({}, 'c')];
    // 64x64 pixels are 16 tokens.
    expect(drawer.running).toBe(2);
    drawer.release();
    await Promise.all(jobs.map((job) => job.finished));
  });

  it('see their own jobs', async () => {
    const { store, submit } = await storeOf();
    const [mine] = [submit({}, 'me'), submit({}, 'you')];
    await mine?.finished;
    expect(store.list('me').map(({ id }) => id)).toEqual([mine?.id]);
  });
});

describe('draining', () => {
  it('finishes what runs, fails what waits with 503, lets nothing in', async () => {
    const { drawer, store, submit } = await storeOf({ maxBatch: 1 });
    drawer.hold();
    const [running, waiting] = [submit({}), submit({})];
    const drained = store.drain(new AbortController().signal);
    await waiting?.finished;
    expect(waiting?.error).toMatchObject({ status: 503, code: 'shutting_down' });
    expect(thrownBy(() => submit({}))).toMatchObject({ status: 503, retryAfterSeconds: expect.any(Number) });
    drawer.release();
    await drained;
    expect(running?.status).toBe('done');
  });

  it('ends what runs where the time is over', async () => {
    const { drawer, store, submit } = await storeOf();
    drawer.hold();
    const job = submit({});
    await store.drain(AbortSignal.timeout(5));
    expect([job.status, job.error?.status, drawer.aborted]).toEqual(['failed', 503, 1]);
  });
});

describe('a failure', () => {
  it('is logged with its job, and its stack where it is a fault', async () => {
    const lines: string[] = [];
    const { drawer, submit } = await storeOf(
      {},
      ['m'],
      createLog('json', { write: (line) => lines.push(line) }),
    );
    drawer.failing.set('bug', new Error('secret'));
    const job = submit({ prompt: 'bug' });
    await job.finished;
    expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
      {
        level: 50,
        job: job.id,
        code: 'internal_error',
        err: { message: 'secret', stack: expect.any(String) },
      },
    ]);
    submit({}).cancel();
    expect(lines).toHaveLength(1);
  });
});

describe('keeping', () => {
  it('lets the oldest go above its bytes, and all after their time', async () => {
    const { store, submit } = await storeOf({ keepBytes: 9000, keepSeconds: 0.05 });
    const first = submit({});
    await first.finished;
    const second = submit({});
    await second.finished;
    const third = submit({});
    await third.finished;
    expect([store.find(first.id), store.find(third.id)]).toEqual([undefined, third]);
    await expect.poll(() => store.find(third.id)).toBeUndefined();
  });
});
