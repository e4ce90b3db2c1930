import { mkdtempSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { ownGpu } from '../../../lib/processes/device.js';
import { freePort, type LaunchOptions, launchRanks } from '../../../lib/processes/launch.js';
import { firstHost, Ranks, rankPlace } from '../../../lib/processes/ranks.js';
import { StopRequest } from '../../../lib/stop.js';
import { MockEngine } from '../mock-engine.js';

describe('the place of a process', () => {
  it('is alone without variables, and where there is one process', () => {
    expect(rankPlace({})).toMatchObject({ rank: 0, worldSize: 1 });
    expect(rankPlace({ WORLD_SIZE: '1', RANK: '0' })).toMatchObject({ rank: 0, worldSize: 1 });
  });

  it('comes from torchrun', () => {
    const env = {
      RANK: '5',
      WORLD_SIZE: '8',
      LOCAL_RANK: '1',
      LOCAL_WORLD_SIZE: '4',
      MASTER_ADDR: 'a',
      MASTER_PORT: '1234',
    };
    expect(rankPlace(env)).toEqual({
      rank: 5,
      worldSize: 8,
      localRank: 1,
      localWorldSize: 4,
      masterAddr: 'a',
      masterPort: 1234,
    });
    const agent = { TORCHELASTIC_USE_AGENT_STORE: 'True', TORCHELASTIC_RUN_ID: 'x' };
    expect(rankPlace({ ...env, ...agent, TORCHELASTIC_RESTART_COUNT: '2' })).toMatchObject({
      launcherPrefix: 'svg-t2i/x/2',
    });
  });

  it('comes from srun', () => {
    const env = {
      SLURM_PROCID: '3',
      SLURM_STEP_NUM_TASKS: '4',
      SLURM_LOCALID: '1',
      SLURM_STEP_NODELIST: 'gpu[07-08]',
      SLURM_JOB_ID: '123456',
    };
    expect(rankPlace(env)).toMatchObject({
      rank: 3,
      worldSize: 4,
      localRank: 1,
      masterAddr: 'gpu07',
      masterPort: 23456,
    });
    // sbatch itself starts one process, whatever the number of tasks of the job.
    expect(rankPlace({ SLURM_PROCID: '0', SLURM_NTASKS: '4' })).toMatchObject({ worldSize: 1 });
    const meeting = { SLURM_PROCID: '2', SLURM_NTASKS: '4', MASTER_ADDR: 'a', MASTER_PORT: '9' };
    expect(rankPlace({ ...env, ...meeting })).toMatchObject({ rank: 2, masterAddr: 'a', masterPort: 9 });
    const { SLURM_STEP_NUM_TASKS: _, ...job } = env;
    expect(rankPlace({ ...job, ...meeting })).toMatchObject({ rank: 2, worldSize: 4, localRank: 1 });
  });

  it('comes from Kubernetes', () => {
    expect(rankPlace({ WORLD_SIZE: '2', JOB_COMPLETION_INDEX: '1', MASTER_ADDR: 'job-0.job' })).toMatchObject(
      {
        rank: 1,
        localRank: 0,
        masterPort: 29500,
      },
    );
  });

  it.each([
    [{ WORLD_SIZE: '2', MASTER_ADDR: 'a' }, 'RANK is not set'],
    [{ WORLD_SIZE: '2', RANK: '2', MASTER_ADDR: 'a' }, 'RANK 2 is outside WORLD_SIZE 2'],
    [{ WORLD_SIZE: '2', RANK: '0' }, 'MASTER_ADDR is not set'],
    [{ WORLD_SIZE: 'two', RANK: '0' }, 'WORLD_SIZE is "two"'],
    [{ WORLD_SIZE: '0' }, 'WORLD_SIZE is 0'],
    [{ WORLD_SIZE: '2', RANK: '0', MASTER_ADDR: 'a', MASTER_PORT: '70000' }, 'MASTER_PORT is 70000'],
  ])('%j is refused: %s', (env, message) => {
    expect(() => rankPlace(env)).toThrow(
      expect.objectContaining({ code: 'ERR_SVGT2I_USAGE', message: expect.stringContaining(message) }),
    );
  });

  it.each([
    ['gpu[07-09,12]', 'gpu07'],
    ['gpu3,gpu4', 'gpu3'],
    ['node', 'node'],
    ['a[1-2],b[3]', 'a1'],
  ])('the first of %s is %s', (list, host) => expect(firstHost(list)).toBe(host));
});

describe('the GPU of a process', () => {
  it.each([
    ['the one of its number', 1, 2, { LOCAL_WORLD_SIZE: '2' }, 1],
    ['the only one that srun shows it', 1, 1, { SLURM_LOCALID: '1', CUDA_VISIBLE_DEVICES: '0' }, 0],
    ['the only one that srun shows it by cgroups', 3, 1, { SLURM_LOCALID: '3' }, 0],
    ['the only one that a script gives it', 1, 1, { LOCAL_RANK: '1', CUDA_VISIBLE_DEVICES: 'GPU-5f' }, 0],
    ['none where --nproc starts more than there are', 1, 1, { LOCAL_WORLD_SIZE: '2' }, undefined],
    [
      'none of one that --nproc shows to all',
      1,
      1,
      { LOCAL_WORLD_SIZE: '2', CUDA_VISIBLE_DEVICES: '0', SLURM_LOCALID: '0' },
      undefined,
    ],
    ["none of two that are others'", 2, 2, { SLURM_LOCALID: '2' }, undefined],
    ['none where there is none', 0, 0, { SLURM_LOCALID: '0' }, undefined],
  ])('is %s', (_, localRank, gpus, env, gpu) => expect(ownGpu(localRank, gpus, env)).toBe(gpu));
});

it('a group asks the engine, a lone process asks nobody', async () => {
  const engine = new MockEngine({
    'dist-open': ({ backend }) => ({ value: { backend } }),
    'dist-reduce': () => ({ value: { values: [0] } }),
    'dist-gather': () => ({ value: { texts: ['a', 'b'] } }),
    'dist-barrier': () => ({}),
    'dist-agree': () => ({}),
  });
  const run = vi.spyOn(engine, 'run');
  const alone = await Ranks.open(engine, rankPlace({}), { backend: 'auto', timeoutSeconds: 5 });
  await alone.barrier();
  expect(await alone.agreeOnStop(new AbortController().signal)).toBeUndefined();
  expect([await alone.any(true), await alone.sum([1, 2]), await alone.gather('x', 't')]).toEqual([
    true,
    [1, 2],
    ['t'],
  ]);
  expect(run).not.toHaveBeenCalled();
  const place = rankPlace({ RANK: '1', WORLD_SIZE: '2', MASTER_ADDR: 'a', MASTER_PORT: '9' });
  const group = await Ranks.open(engine, place, { backend: 'gloo', timeoutSeconds: 5 });
  expect(run).toHaveBeenLastCalledWith(
    'dist-open',
    { rank: 1, worldSize: 2, masterAddr: 'a', masterPort: 9, timeoutSeconds: 5, backend: 'gloo' },
    { signal: undefined },
  );
  expect([await group.any(false), await group.sum([1]), await group.gather('x', 't')]).toEqual([
    false,
    [0],
    ['a', 'b'],
  ]);
  expect(run).toHaveBeenCalledWith('dist-reduce', { op: 'sum', values: [1] });
  expect(run).toHaveBeenLastCalledWith('dist-gather', { name: 'x', text: 't' });
  await group.barrier();
  expect(run).toHaveBeenLastCalledWith('dist-barrier', { patient: false });
  await group.barrier({ patient: true });
  expect(run).toHaveBeenLastCalledWith('dist-barrier', { patient: true });
  await group.agree('configuration', 'hash');
  expect(run).toHaveBeenLastCalledWith('dist-agree', { name: 'configuration', text: 'hash' });
});

describe('a stop of several processes', () => {
  /** What each of them learns where the largest number of all is that of `asked`. */
  async function learn(asked: { readonly rank: number; readonly signal: AbortSignal }) {
    let largest = 0;
    const engine = new MockEngine({
      'dist-open': ({ backend }) => ({ value: { backend } }),
      'dist-reduce': ({ values }) => {
        largest = Math.max(largest, ...values);
        return { value: { values: [largest] } };
      },
    });
    const open = (rank: number) =>
      Ranks.open(engine, rankPlace({ RANK: String(rank), WORLD_SIZE: '70000', MASTER_ADDR: '127.0.0.1' }), {
        backend: 'gloo',
        timeoutSeconds: 5,
      });
    const first = await (await open(asked.rank)).agreeOnStop(asked.signal);
    expect(await (await open(0)).agreeOnStop(undefined)).toEqual(first);
    return first;
  }

  it.each(['SIGTERM', 'SIGINT', 'SIGUSR1', 'SIGPIPE'] as const)(
    '%s of one is known to all',
    async (cause) => {
      const signal = AbortSignal.abort(new StopRequest(cause));
      expect(await learn({ rank: 65_537, signal })).toEqual({ rank: 65_537, cause });
    },
  );

  it('may have another reason than a signal', async () => {
    const stop = await learn({ rank: 3, signal: AbortSignal.abort() });
    expect(stop).toEqual({ rank: 3, cause: undefined });
  });

  it('is none where nobody asks', async () => {
    expect(await learn({ rank: 3, signal: new AbortController().signal })).toBeUndefined();
  });
});

it('a host without an address is told at once, and waited for', async () => {
  const engine = new MockEngine({ 'dist-open': ({ backend }) => ({ value: { backend } }) });
  const warnings: string[] = [];
  const place = rankPlace({ RANK: '1', WORLD_SIZE: '2', MASTER_ADDR: 'no-such-host.invalid' });
  await Ranks.open(engine, place, {
    backend: 'gloo',
    timeoutSeconds: 5,
    onWarning: (message) => warnings.push(message),
  });
  await vi.waitUntil(() => warnings.length > 0, { timeout: 60_000 });
  expect(warnings).toEqual([
    expect.stringMatching(/^the host "no-such-host.invalid" of MASTER_ADDR cannot be/),
  ]);
});

describe('the launcher', () => {
  const node = (script: string): readonly [string, ...string[]] => [process.execPath, '-e', script];
  async function launch(script: string, more: Partial<LaunchOptions> = {}) {
    const lines: string[] = [];
    const failures: number[] = [];
    const { exitCode } = await launchRanks({
      processes: 3,
      command: node(script),
      env: process.env,
      onLine: (rank, stream, line) => lines.push(`${rank} ${stream} ${line}`),
      onFailure: (rank) => failures.push(rank),
      ...more,
    });
    return { exitCode, failures, lines: lines.sort() };
  }

  /** For a script: `here()` says that this process is ready, `meet(then)` goes on when all three are. */
  function meeting(): string {
    const folder = JSON.stringify(mkdtempSync(join(tmpdir(), 'svg-meeting-')));
    return `const { readdirSync, writeFileSync } = require('node:fs');
      const here = () => writeFileSync(${folder} + '/' + process.env.RANK, '');
      const meet = (then) => {
        const timer = setInterval(() => {
          if (readdirSync(${folder}).length < 3) return;
          clearInterval(timer);
          then();
        }, 10);
      };`;
  }

  const told: string[] = [];
  it('lets one send to every process what is too long for a command line, also later', async () => {
    const script = `process.on('message', ({ text, rank, end }) => {
      console.log(text === undefined ? 'end' : text.length + ' ' + rank);
      if (end) process.disconnect();
    });`;
    const text = 'x'.repeat(500_000);
    const sends = new Map<number, (message: object) => void>();
    const { lines, exitCode } = await launch(script, {
      onStart: (rank, send) => {
        sends.set(rank, send);
        send({ text, rank });
      },
      onLine: (rank, stream, line) => {
        if (line !== 'end') sends.get(rank)?.({ end: true });
        told.push(`${rank} ${stream} ${line}`);
      },
    });
    expect(lines).toEqual([]);
    expect(told.sort()).toEqual(
      [0, 1, 2].flatMap((rank) => [`${rank} stdout 500000 ${rank}`, `${rank} stdout end`]),
    );
    expect(exitCode).toBe(0);
    const early = await launch('process.exit(7)', { onStart: (_, send) => send({ text }) }).catch(
      (error) => error,
    );
    expect(early).toMatchObject({ code: 'ERR_SVGT2I_RANKS' });
  });

  it('gives every process its rank and one free port', async () => {
    const { exitCode, lines } = await launch(
      'const e = process.env; console.log(e.RANK, e.LOCAL_RANK, e.WORLD_SIZE, e.MASTER_ADDR); console.error(e.MASTER_PORT)',
    );
    expect(exitCode).toBe(0);
    expect(lines.filter((line) => line.includes('stdout'))).toEqual(
      [0, 1, 2].map((rank) => `${rank} stdout ${rank} ${rank} 3 127.0.0.1`),
    );
    const ports = new Set(lines.filter((line) => line.includes('stderr')).map((line) => line.split(' ')[2]));
    expect(ports.size).toBe(1);
  });

  it('ends the others when one fails, also those that do not want to', async () => {
    const { exitCode, failures } = await launch(
      `${meeting()}
       if (process.env.RANK === '1') meet(() => process.exit(4));
       else { process.on('SIGTERM', () => {}); setInterval(() => {}, 1000); }
       here();`,
      { graceMs: 300 },
    );
    expect([exitCode, failures]).toEqual([4, [1]]);
  });

  it('names a process that was killed', async () => {
    const killed = launch(
      `if (process.env.RANK === '2') setTimeout(() => process.kill(process.pid, 'SIGKILL'), 300);
       else setInterval(() => {}, 1000);`,
      { hint: 'Go on with --resume' },
    );
    await expect(killed).rejects.toMatchObject({
      code: 'ERR_SVGT2I_RANKS',
      message: 'rank 2 was ended by SIGKILL, so the others were ended',
      hint: 'Go on with --resume',
    });
  });

  it('names a process that ended without an error of its own', async () => {
    const waits = 'else setInterval(() => {}, 1000);';
    await expect(
      launch(`if (process.env.RANK === '1') throw new Error('x'); ${waits}`),
    ).rejects.toMatchObject({ message: expect.stringContaining('rank 1 ended with code 1') });
    const { exitCode } = await launch(
      `if (process.env.RANK === '1') { console.error('  ERR_SVGT2I_DISK_FULL'); process.exit(1); } ${waits}`,
    );
    expect(exitCode).toBe(1);
  });

  it('ends with the code of the process that tells more', async () => {
    const { exitCode, failures } = await launch(
      `${meeting()}
       process.on('SIGTERM', () => process.exit(process.env.RANK === '0' ? 5 : 1)); setInterval(() => {}, 1000);
       here();
       if (process.env.RANK === '1') meet(() => process.exit(1));`,
    );
    expect([exitCode, failures]).toEqual([5, [1]]);
  });

  it('passes an interruption on, once, and lets each end by itself', async () => {
    const controller = new AbortController();
    const saved: string[] = [];
    let ready = 0;
    const { exitCode } = await launch(
      `setInterval(() => {}, 1000);
       process.on('SIGINT', () => { console.log('saved'); setTimeout(() => process.exit(130), 100 * process.env.RANK); });
       console.log('ready');`,
      {
        signal: controller.signal,
        onLine: (rank, _, line) => {
          if (line !== 'ready') saved.push(`${rank} ${line}`);
          else if (++ready === 3) controller.abort();
        },
      },
    );
    expect(exitCode).toBe(130);
    expect(saved.sort()).toEqual(['0 saved', '1 saved', '2 saved']);
  });

  it('tells by which signal a process was ended, as a shell does', async () => {
    const { exitCode } = await launch(`process.kill(process.pid, 'SIGINT'); setInterval(() => {}, 1000);`);
    expect(exitCode).toBe(130);
  });

  const stops = `process.on('SIGINT', () => process.exit(143)); setInterval(() => {}, 1000);`;

  it('lets one that was stopped by itself stop the others, without a failure', async () => {
    const { exitCode, failures } = await launch(
      `${meeting()} ${stops} here(); if (process.env.RANK === '2') meet(() => process.exit(143));`,
    );
    expect([exitCode, failures]).toEqual([143, []]);
  });

  it('tells what went wrong on the way to a stop', async () => {
    const controller = new AbortController();
    let ready = 0;
    const { exitCode } = await launch(
      `process.on('SIGINT', () => {
         if (process.env.RANK !== '1') process.exit(130);
         setTimeout(() => { console.error('  ERR_SVGT2I_DISK_FULL'); process.exit(1); }, 500);
       });
       setInterval(() => {}, 1000);
       console.log('ready');`,
      {
        signal: controller.signal,
        onLine: (_rank, _stream, line) => {
          if (line === 'ready' && ++ready === 3) controller.abort();
        },
      },
    );
    expect(exitCode).toBe(1);
  });

  it('wakes one that stands still, so that it can end by itself', async () => {
    const { exitCode, failures } = await launch(
      `${meeting()}
       process.on('SIGTERM', () => process.exit(1)); setInterval(() => {}, 1000);
       here();
       if (process.env.RANK === '0') process.kill(process.pid, 'SIGSTOP');
       if (process.env.RANK === '1') meet(() => process.exit(5));`,
      { graceMs: 3600_000 },
    );
    expect([exitCode, failures]).toEqual([5, [1]]);
  });

  it('finds a port that is free', async () => {
    const port = await freePort();
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    expect(await freePort()).not.toBe(port);
    server.close();
  });
});
