import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { Engine, runtimeInfo } from '../../dist/engine.js';
import { DisposedError, EXIT_CODES, exitCodeOf, SvgT2IError } from '../../dist/errors.js';

const engineModule = new URL('../../dist/engine.js', import.meta.url).href;

// Runs a script in a process of its own; `Engine` is imported for it.
function runScript(body: string): {
  status: number | null;
  signal: string | null;
  stdout: string;
  stderr: string;
} {
  const source = `import { Engine } from ${JSON.stringify(engineModule)};\n${body}`;
  const { status, signal, stdout, stderr } = spawnSync(
    process.execPath,
    ['--input-type=module', '--expose-gc', '-e', source],
    { encoding: 'utf8', timeout: 600_000 },
  );
  return { status, signal, stdout, stderr };
}

async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

/** Something that happens once, and can be awaited. */
function flag() {
  let raise = () => {};
  const raised = new Promise<void>((resolve) => {
    raise = resolve;
  });
  return { raised, raise: () => raise() };
}

describe('Engine', () => {
  it('tells versions and devices', () => {
    expect(runtimeInfo().torch).toMatch(/^2\.\d+/);
  });

  it('runs jobs in the order of their calls', async () => {
    await using engine = await Engine.create({}, { forTests: true });
    const order: number[] = [];
    await Promise.all(
      [0, 1, 2, 3].map((i) => engine.run('sleep', { milliseconds: 20 - 5 * i }).then(() => order.push(i))),
    );
    expect(order).toEqual([0, 1, 2, 3]);
  });

  it('names the known jobs when it is asked for another', async () => {
    await using engine = await Engine.create({}, { forTests: true });
    const error = await errorOf(engine.run('paint' as 'dist-close', {}));
    expect(SvgT2IError.isInstance(error)).toBe(true);
    expect(error).toMatchObject({
      code: 'ERR_SVGT2I_INTERNAL',
      message: expect.stringContaining('golden'),
    });
  });

  it('takes a misspelt key, a missing one or another type as a fault of its own, not of the user', async () => {
    await using engine = await Engine.create();
    const requests = [
      [{ resetPeak: false, resetPaek: true }, /^\[memory\].*"resetPaek"/],
      [{}, /^\[memory\] the request lacks "resetPeak"/],
      [{ resetPeak: 'yes' }, /^\[memory\] "resetPeak".*true or false/],
    ] as const;
    for (const [request, message] of requests) {
      const error = await errorOf(engine.run('memory', request as never));
      expect(error).toMatchObject({
        code: 'ERR_SVGT2I_INTERNAL',
        job: 'memory',
        message: expect.stringMatching(message),
      });
      expect(exitCodeOf(error)).toBe(EXIT_CODES.failure);
    }
  });

  it('has the jobs of tests for tests alone', async () => {
    await using engine = await Engine.create();
    for (const kind of ['sleep', 'read-tensors'] as const) {
      const error = await errorOf(engine.run(kind, { milliseconds: 1, path: '/nowhere/x.pth' }));
      expect(error).toMatchObject({ code: 'ERR_SVGT2I_INTERNAL', message: expect.stringContaining(kind) });
    }
  });

  it('gives errors one clean line', async () => {
    await using engine = await Engine.create({}, { forTests: true });
    const error = (await errorOf(engine.run('read-tensors', { path: '/nowhere/x.pth' }))) as Error;
    expect(error).toMatchObject({ code: 'ERR_SVGT2I_FILE_NOT_FOUND' });
    expect(error.message).not.toContain('\n');
  });

  it('refuses tensors that lie about their shape', async () => {
    await using engine = await Engine.create({}, { forTests: true });
    const data = new Float32Array(3);
    const error = await errorOf(
      engine.run(
        'memory',
        { resetPeak: false },
        { tensors: { x: { dtype: 'float32', shape: [2, 2], data } } },
      ),
    );
    expect(error).toMatchObject({
      code: 'ERR_SVGT2I_INVALID_ARGUMENT',
      message: expect.stringContaining('"x"'),
    });
  });

  it('refuses a device that is not there', async () => {
    if (runtimeInfo().cudaDevices > 0) return;
    expect(await errorOf(Engine.create({ device: 'cuda' }))).toMatchObject({
      code: 'ERR_SVGT2I_DEVICE_UNAVAILABLE',
    });
  });

  it('rejects with the reason of the signal, before and during a job', async () => {
    await using engine = await Engine.create({}, { forTests: true });
    const reason = new Error('enough');
    expect(
      await errorOf(engine.run('sleep', { milliseconds: 10 }, { signal: AbortSignal.abort(reason) })),
    ).toBe(reason);
    const controller = new AbortController();
    const job = errorOf(engine.run('sleep', { milliseconds: 600_000 }, { signal: controller.signal }));
    setTimeout(() => controller.abort(reason), 20);
    // Ten minutes: were it not ended, the test would be.
    expect(await job).toBe(reason);
    await engine.run('sleep', { milliseconds: 1 });
  });

  it('lets go at once of a job that still waits in the queue', async () => {
    await using engine = await Engine.create({}, { forTests: true });
    const running = new AbortController();
    const waiting = new AbortController();
    const settled: string[] = [];
    const started = flag();
    const first = errorOf(
      engine.run(
        'sleep',
        { milliseconds: 60_000 },
        { signal: running.signal, onEvent: () => started.raise() },
      ),
    ).then(() => settled.push('first'));
    const second = errorOf(engine.run('sleep', { milliseconds: 60_000 }, { signal: waiting.signal }));
    const third = engine.run('memory', { resetPeak: false }).then(() => settled.push('third'));
    await started.raised;
    const reason = new Error('no more');
    waiting.abort(reason);
    expect(await second).toBe(reason);
    expect(settled).toEqual([]);
    running.abort();
    await Promise.all([first, third]);
    // The one in between was dropped, not run.
    expect(settled).toEqual(['first', 'third']);
  });

  it('refuses what is no signal, and takes one of any class', async () => {
    await using engine = await Engine.create({}, { forTests: true });
    const refused = engine.run('memory', { resetPeak: false }, { signal: {} as AbortSignal });
    await expect(refused).rejects.toMatchObject({ code: 'ERR_SVGT2I_INVALID_ARGUMENT' });
    let abort = () => {};
    const signal = {
      aborted: false,
      reason: 'enough',
      addEventListener(_: string, listener: () => void) {
        abort = () => {
          this.aborted = true;
          listener();
        };
      },
      removeEventListener: () => {},
    };
    const job = engine.run('sleep', { milliseconds: 60_000 }, { signal: signal as never });
    setTimeout(() => abort(), 5);
    await expect(job).rejects.toBe('enough');
  });

  it('gives errors the stack of their caller and the kind of the job', async () => {
    await using engine = await Engine.create({}, { forTests: true });
    async function theCaller() {
      return await engine.run('read-tensors', { path: '/nowhere/x.pth' });
    }
    const error = (await errorOf(theCaller())) as SvgT2IError;
    expect(error.job).toBe('read-tensors');
    expect(error.stack).toMatch(/^SvgT2IError: /);
    expect(error.stack).toContain('theCaller');
    expect(error.stack).toContain('engine.test');
    // Also behind other calls, where only V8's record of who awaits leads back.
    async function later() {
      await engine.run('memory', { resetPeak: false });
      await engine.run('read-tensors', { path: '/nowhere/x.pth' });
    }
    expect(((await errorOf(later())) as Error).stack).toContain('later');
    expect(((await errorOf(engine.run('paint' as 'dist-close', {}))) as SvgT2IError).stack).toContain(
      'engine.test',
    );
  });

  it('rejects with the error of a listener', async () => {
    await using engine = await Engine.create({}, { forTests: true });
    const onEvent = () => {
      throw new Error('from the listener');
    };
    const error = await errorOf(engine.run('sleep', { milliseconds: 500 }, { onEvent }));
    expect(error).toMatchObject({ message: 'from the listener' });
  });

  it('rejects what runs and what waits when it is disposed, and refuses work afterwards', async () => {
    const engine = await Engine.create({}, { forTests: true });
    const started = flag();
    const running = errorOf(
      engine.run('sleep', { milliseconds: 60_000 }, { onEvent: () => started.raise() }),
    );
    const waiting = errorOf(engine.run('memory', { resetPeak: false }));
    await started.raised;
    await engine.dispose();
    await engine.dispose();
    for (const job of [running, waiting]) {
      const error = await job;
      expect(error).toBeInstanceOf(DisposedError);
      expect(error).toMatchObject({ name: 'DisposedError', code: 'ERR_SVGT2I_DISPOSED' });
    }
    expect(await errorOf(engine.run('memory', { resetPeak: false }))).toMatchObject({
      code: 'ERR_SVGT2I_DISPOSED',
    });
  });

  it('leaves the event loop free while a job computes', async () => {
    await using engine = await Engine.create({}, { forTests: true });
    const controller = new AbortController();
    const job = errorOf(engine.run('sleep', { milliseconds: 600_000 }, { signal: controller.signal }));
    // A loop that waits for the job would come to the first of these in ten minutes. How long one takes is measured by
    // the bench, on a quiet machine.
    for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setTimeout(resolve, 1));
    controller.abort();
    expect(await job).toMatchObject({ name: 'AbortError' });
  });

  it('lets the event loop turn while libtorch is opened', () => {
    // A synchronous opening would leave no turn between the call and its end.
    const script = `let turns = 0;
      const count = () => { turns++; timer = setImmediate(count); };
      let timer = setImmediate(count);
      const e = await Engine.create({}, { forTests: true });
      clearImmediate(timer);
      console.log(turns > 2);`;
    expect(runScript(script)).toMatchObject({ status: 0, stdout: 'true\n', stderr: '' });
  });

  it('stops waiting for libtorch when it is aborted', () => {
    const script = `const error = await Engine.create({}, { signal: AbortSignal.timeout(1) }).catch((e) => e);
      console.log(error.name);
      const e = await Engine.create({}, { forTests: true });
      console.log((await e.run('memory', { resetPeak: false })).value.residentBytes > 0);`;
    expect(runScript(script)).toMatchObject({ status: 0, stdout: 'TimeoutError\ntrue\n', stderr: '' });
  });

  it('works twice in one process and in worker threads', async () => {
    await using first = await Engine.create({}, { forTests: true });
    await using second = await Engine.create({}, { forTests: true });
    await Promise.all([first.run('sleep', { milliseconds: 5 }), second.run('sleep', { milliseconds: 5 })]);
    const worker = new Worker(new URL('./fixtures/worker.mjs', import.meta.url), {
      workerData: { engineModule },
    });
    const answer = await new Promise((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    });
    expect(answer).toBe('done');
    await worker.terminate();
  });
});

describe('process exit', () => {
  it('does not wait for an idle engine', () => {
    expect(runScript('await Engine.create({}, { forTests: true });')).toMatchObject({
      status: 0,
      stderr: '',
    });
  });

  it('waits for a job that somebody awaits', () => {
    const script =
      "const e = await Engine.create({}, { forTests: true }); await e.run('sleep', { milliseconds: 100 }); console.log('end');";
    expect(runScript(script)).toMatchObject({ status: 0, stdout: 'end\n' });
  });

  it('is clean while a job runs', () => {
    const script = `const e = await Engine.create({}, { forTests: true });
      e.run('sleep', { milliseconds: 20000 }, { onEvent: () => process.exit(7) });`;
    expect(runScript(script)).toMatchObject({ status: 7, signal: null, stderr: '' });
  });

  it('is clean when a worker is terminated while a job runs', () => {
    const worker = fileURLToPath(new URL('./fixtures/busy-worker.mjs', import.meta.url));
    const script = `import { Worker } from 'node:worker_threads';
      const w = new Worker(${JSON.stringify(worker)}, { execArgv: [], workerData: { engineModule: ${JSON.stringify(engineModule)} } });
      w.once('message', async () => { await w.terminate(); console.log('alive'); });`;
    expect(runScript(script)).toMatchObject({ status: 0, signal: null, stdout: 'alive\n' });
  });

  it.each([
    ['process.exit(7)', 7],
    ["throw new Error('boom')", 1],
    ["Promise.reject(new Error('boom'))", 1],
  ])('is clean while jobs run in the main thread and in a worker: %s', (end, status) => {
    const worker = fileURLToPath(new URL('./fixtures/busy-worker.mjs', import.meta.url));
    const script = `import { Worker } from 'node:worker_threads';
      const w = new Worker(${JSON.stringify(worker)}, { execArgv: [], workerData: { engineModule: ${JSON.stringify(engineModule)} } });
      const e = await Engine.create({}, { forTests: true });
      e.run('sleep', { milliseconds: 20000 }).catch(() => {});
      w.once('message', () => { ${end} });`;
    expect(runScript(script)).toMatchObject({ status, signal: null });
  });

  it('frees engines that nobody holds any more', () => {
    const script = `import { readdirSync } from 'node:fs';
      const threads = () => readdirSync('/proc/self/task').length;
      await (await Engine.create({}, { forTests: true })).dispose();
      const before = threads();
      let most = 0;
      for (let i = 0; i < 20; i++) { const e = await Engine.create({}, { forTests: true }); await e.run('memory', { resetPeak: false }); most = Math.max(most, threads()); }
      for (let i = 0; i < 200 && threads() > before + 1; i++) { gc(); await new Promise((r) => setTimeout(r, 20)); }
      console.log(most > before, threads() <= before + 1);`;
    expect(runScript(script)).toMatchObject({ status: 0, stdout: 'true true\n', stderr: '' });
  });
});

it('gives way to the other threads of the process where it is told to, and the event loop does not', async () => {
  const nicenessOf = (task: string) => {
    const stat = readFileSync(`/proc/self/task/${task}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16]);
  };
  const all = () => readdirSync('/proc/self/task').map(nicenessOf);
  const own = nicenessOf(String(process.pid));
  const engine = await Engine.create({ niceness: 3 });
  try {
    await engine.run('memory', { resetPeak: false });
    expect(all().filter((niceness) => niceness === Math.min(own + 3, 19)).length).toBeGreaterThan(0);
    expect(nicenessOf(String(process.pid))).toBe(own);
  } finally {
    await engine.dispose();
  }
  await expect(Engine.create({ niceness: 20 })).rejects.toThrow('niceness must be 0 to 19, not 20');
});
