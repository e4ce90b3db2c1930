import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { Engine, runtimeInfo } from '../../dist/engine.js';
import { SvgT2IError } from '../../dist/errors.js';

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

describe('Engine', () => {
  it('tells versions and devices', () => {
    expect(runtimeInfo().torch).toMatch(/^2\.\d+/);
  });

  it('runs jobs in the order of their calls', async () => {
    await using engine = await Engine.create();
    const order: number[] = [];
    await Promise.all(
      [0, 1, 2, 3].map((i) => engine.run('sleep', { milliseconds: 20 - 5 * i }).then(() => order.push(i))),
    );
    expect(order).toEqual([0, 1, 2, 3]);
  });

  it('names the known jobs when it is asked for another', async () => {
    await using engine = await Engine.create();
    const error = await errorOf(engine.run('paint'));
    expect(SvgT2IError.isInstance(error)).toBe(true);
    expect(error).toMatchObject({
      code: 'ERR_SVGT2I_INVALID_ARGUMENT',
      message: expect.stringContaining('golden'),
    });
  });

  it('gives errors one clean line', async () => {
    await using engine = await Engine.create();
    const error = (await errorOf(engine.run('read-tensors', { path: '/nowhere/x.pth' }))) as Error;
    expect(error).toMatchObject({ code: 'ERR_SVGT2I_FILE_NOT_FOUND' });
    expect(error.message).not.toContain('\n');
  });

  it('refuses tensors that lie about their shape', async () => {
    await using engine = await Engine.create();
    const data = new Float32Array(3);
    const error = await errorOf(
      engine.run('memory', {}, { tensors: { x: { dtype: 'float32', shape: [2, 2], data } } }),
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
    await using engine = await Engine.create();
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

  it('cancels a job that still waits in the queue', async () => {
    await using engine = await Engine.create();
    const controller = new AbortController();
    const first = engine.run('sleep', { milliseconds: 50 });
    const second = errorOf(engine.run('sleep', { milliseconds: 20_000 }, { signal: controller.signal }));
    controller.abort();
    await first;
    expect(await second).toMatchObject({ name: 'AbortError' });
  });

  it('rejects with the error of a listener', async () => {
    await using engine = await Engine.create();
    const onEvent = () => {
      throw new Error('from the listener');
    };
    const error = await errorOf(engine.run('sleep', { milliseconds: 500 }, { onEvent }));
    expect(error).toMatchObject({ message: 'from the listener' });
  });

  it('cancels what runs when it is disposed, and refuses work afterwards', async () => {
    const engine = await Engine.create();
    const job = errorOf(engine.run('sleep', { milliseconds: 20_000 }));
    await engine.dispose();
    await engine.dispose();
    expect(await job).toMatchObject({ code: 'ERR_SVGT2I_CANCELLED' });
    expect(await errorOf(engine.run('memory'))).toMatchObject({ code: 'ERR_SVGT2I_DISPOSED' });
  });

  it('leaves the event loop free while a job computes', async () => {
    await using engine = await Engine.create();
    const controller = new AbortController();
    const job = errorOf(engine.run('sleep', { milliseconds: 600_000 }, { signal: controller.signal }));
    // A loop that waits for the job would come to the first of these in ten minutes. How long one takes is measured by
    // the bench, on a quiet machine.
    for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setTimeout(resolve, 1));
    controller.abort();
    expect(await job).toMatchObject({ name: 'AbortError' });
  });

  it('works twice in one process and in worker threads', async () => {
    await using first = await Engine.create();
    await using second = await Engine.create();
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
    expect(runScript('await Engine.create();')).toMatchObject({ status: 0, stderr: '' });
  });

  it('waits for a job that somebody awaits', () => {
    const script =
      "const e = await Engine.create(); await e.run('sleep', { milliseconds: 100 }); console.log('end');";
    expect(runScript(script)).toMatchObject({ status: 0, stdout: 'end\n' });
  });

  it('is clean while a job runs', () => {
    const script = `const e = await Engine.create();
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

  it('frees engines that nobody holds any more', () => {
    const script = `for (let i = 0; i < 20; i++) { const e = await Engine.create(); await e.run('memory'); }
      gc(); await new Promise((r) => setTimeout(r, 50)); gc();
      console.log('end');`;
    expect(runScript(script)).toMatchObject({ status: 0, stdout: 'end\n', stderr: '' });
  });
});
