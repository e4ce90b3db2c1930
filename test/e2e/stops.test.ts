// What stops a command, and what it leaves: signals, a second one, a reader of stdout that ends.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listCheckpoints } from '../../dist/train/checkpoint.js';
import { jsonLines, MAIN, type RunOptions, run } from './cli.js';
import { ditArgs, ditConfig, makeWorkshop, type Workshop } from './training.js';

let workshop: Workshop;
beforeAll(async () => {
  workshop = await makeWorkshop();
});
afterAll(() => rmSync(workshop.folder, { recursive: true }));

/** Longer than anything waits for; it ends because it is stopped. */
const ENDLESS = ['steps=1000000', 'checkpoints.every=1000000', 'samples.every=0'].flatMap((value) => [
  '--set',
  value,
]);

/** Calls `strike` once, when the run has told the numbers of a step. */
function trainUntil(
  name: string,
  strike: (child: ChildProcess) => void,
  more: readonly string[] = [],
  options: RunOptions = {},
) {
  let struck = false;
  return run(ditArgs(workshop, name, ...ENDLESS, '--json', ...more), {
    ...options,
    watch: (child, stdout) => {
      if (struck || !stdout.includes('"type":"metrics"')) return;
      struck = true;
      strike(child);
    },
  });
}

async function expectSaved(name: string, stderr: string): Promise<void> {
  const step = Number(/interrupted after step (\d+) of 1000000, which is saved/.exec(stderr)?.[1]);
  expect(await listCheckpoints(join(workshop.folder, name, 'checkpoints'))).toEqual([step]);
  expect(step).toBeGreaterThan(0);
  expect(readdirSync(join(workshop.folder, name))).not.toContain('lock');
}

describe('training', () => {
  it.each([
    ['SIGTERM', 143],
    ['SIGHUP', 129],
    ['SIGUSR1', 138],
    ['SIGUSR2', 140],
    ['SIGXCPU', 152],
  ] as const)('saves at %s and exits with %i', async (signal, exitCode) => {
    const stopped = await trainUntil(signal, (child) => child.kill(signal));
    expect([stopped.code, stopped.stderr]).toEqual([exitCode, expect.stringContaining('stopping after')]);
    expect(stopped.stderr).not.toContain('Debugger');
    await expectSaved(signal, stopped.stderr);
    expect(jsonLines(stopped).at(-1)).toMatchObject({ type: 'error', code: 'ERR_SVGT2I_CANCELLED' });
  });

  it.each([
    ['stdout', (child: ChildProcess) => child.stdout?.destroy()],
    [
      'stdout and stderr',
      (child: ChildProcess) => {
        child.stderr?.destroy();
        child.stdout?.destroy();
      },
    ],
  ])('saves where nobody reads %s any more, and says so by 141', async (what, strike) => {
    const stopped = await trainUntil(what, strike);
    expect(stopped.code).toBe(141);
    const [newest = 0] = await listCheckpoints(join(workshop.folder, what, 'checkpoints'));
    expect(newest).toBeGreaterThan(0);
    expect(existsSync(join(workshop.folder, what, 'lock'))).toBe(false);
  });

  it('saves where stdout cannot be written, as on a full disk, and fails', async () => {
    const args = ditArgs(workshop, 'full', ...ENDLESS, '--json');
    const { status, stderr } = spawnSync(
      'sh',
      ['-c', 'exec "$@" > /dev/full', 'sh', process.execPath, MAIN, ...args],
      {
        encoding: 'utf8',
      },
    );
    expect([status, stderr]).toEqual([1, expect.stringContaining('cannot write to stdout: no space left')]);
    const [newest] = await listCheckpoints(join(workshop.folder, 'full', 'checkpoints'));
    // The first line comes before the first step.
    expect(newest ?? 0).toBeLessThan(1_000_000);
    expect(existsSync(join(workshop.folder, 'full', 'lock'))).toBe(false);
  });

  it('without --json needs no reader of stdout', async () => {
    const { code } = await run(ditArgs(workshop, 'unread', '--set', 'samples.every=0'), {
      started: (child) => child.stdout?.destroy(),
    });
    expect(code).toBe(0);
  });

  it('stopped while it still loads leaves the folder free', async () => {
    const stopped = await run(ditArgs(workshop, 'early', ...ENDLESS), {
      started: (child) => setTimeout(() => child.kill('SIGTERM'), 300),
    });
    // Before the command listens the signal itself ends the process.
    expect([null, 143]).toContain(stopped.code);
    const next = await run(ditArgs(workshop, 'early', '--resume', 'auto', '--set', 'samples.every=0'));
    expect(next.code).toBe(0);
  });
});

describe('training on two processes', () => {
  const ofRank = (launcher: ChildProcess, rank: number): number => {
    const children = readFileSync(`/proc/${launcher.pid}/task/${launcher.pid}/children`, 'utf8');
    const pids = children.trim().split(' ').map(Number);
    const found = pids.find((pid) => readFileSync(`/proc/${pid}/environ`).includes(`\0RANK=${rank}\0`));
    return found ?? Number.NaN;
  };

  it.each([
    ['SIGTERM', 143],
    ['SIGHUP', 129],
    ['SIGUSR1', 138],
  ] as const)('the launcher passes %s on and exits with %i', async (signal, exitCode) => {
    const name = `launched-${signal}`;
    const stopped = await trainUntil(name, (child) => child.kill(signal), ['--nproc', '2']);
    expect([stopped.code, stopped.stderr]).toEqual([exitCode, expect.not.stringContaining('was ended by')]);
    await expectSaved(name, stopped.stderr);
    const errors = jsonLines(stopped).filter(({ type }) => type === 'error');
    expect(errors).toMatchObject([{ code: 'ERR_SVGT2I_CANCELLED' }]);
  });

  it('SIGTERM to one of them alone stops both, and the last line says whom it reached', async () => {
    const stopped = await trainUntil('one', (child) => process.kill(ofRank(child, 1), 'SIGTERM'), [
      '--nproc',
      '2',
    ]);
    expect(stopped.code).toBe(143);
    await expectSaved('one', stopped.stderr);
    expect(stopped.stderr).toContain('which is saved (rank 1 got SIGTERM)');
    expect(stopped.stderr).not.toContain('was ended by');
    expect(jsonLines(stopped).filter(({ type }) => type === 'error')).toHaveLength(1);
  });

  it('saves where nobody reads stdout any more', async () => {
    const stopped = await trainUntil('head', (child) => child.stdout?.destroy(), ['--nproc', '2']);
    expect(stopped.code).toBe(141);
    await expectSaved('head', stopped.stderr);
  });
});

describe('other commands', () => {
  it('that only tell something may go unread', async () => {
    const { code, stderr } = await run(['inspect', workshop.pretrained, '--help'], {
      started: (child) => child.stdout?.destroy(),
    });
    expect([code, stderr]).toEqual([0, '']);
  });

  it('that write something end what they are at, and say by 141 that nobody read it', async () => {
    const features = join(workshop.folder, 'features');
    const { code } = await run(['cache', ...ditConfig(workshop), '--out', features, '--json'], {
      started: (child) => child.stdout?.destroy(),
    });
    expect(code).toBe(141);
    expect(JSON.parse(readFileSync(join(features, 'index.json'), 'utf8'))).toMatchObject({ complete: true });
  });

  it('leave no half picture at SIGTERM', async () => {
    const out = mkdtempSync(join(tmpdir(), 'svg-stopped-'));
    let struck = false;
    const args = ['sample', 'x', '--pretrained', workshop.pretrained, '--size', '512x512', '--steps', '900'];
    const { code } = await run([...args, '--json', '-o', out], {
      watch: (child, stdout) => {
        if (struck || !stdout.includes('"type":"step"')) return;
        struck = true;
        child.kill('SIGTERM');
      },
    });
    expect([code, readdirSync(out)]).toEqual([143, []]);
    rmSync(out, { recursive: true });
  });

  it('without a job end at SIGUSR1 and open no debugger', async () => {
    const { code, stderr } = await run(['--version'], {
      started: (child) => setTimeout(() => child.kill('SIGUSR1'), 150),
    });
    expect([0, 138, null]).toContain(code);
    if (stderr.includes('Debugger')) expect(code).toBe(138);
  });
});

describe('a job', () => {
  const script = fileURLToPath(new URL('./fixtures/stop.mjs', import.meta.url));

  /** Sends each signal when the lines before it have come; a number is the milliseconds until the next. */
  async function send(signals: readonly (NodeJS.Signals | number)[]) {
    const child = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'pipe'] });
    const lines: string[] = [];
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    const reader = createInterface({ input: child.stdout });
    reader.on('line', (line) => lines.push(line));
    await new Promise((resolve) => reader.once('line', resolve));
    for (const signal of signals) {
      if (typeof signal === 'string') child.kill(signal);
      else await new Promise((resolve) => setTimeout(resolve, signal));
    }
    return { code: await ended, lines: lines.slice(1) };
  }

  it('is asked once, and ended by the second Ctrl-C or SIGTERM', async () => {
    expect(await send(['SIGTERM', 1000, 'SIGTERM'])).toEqual({ code: 143, lines: ['asked by SIGTERM'] });
    expect(await send(['SIGINT', 1000, 'SIGINT'])).toEqual({ code: 130, lines: ['asked by SIGINT'] });
  });

  it('is not ended by the pair of SIGHUP that a terminal and its shell send, nor by SIGTERM after it', async () => {
    const pair = ['SIGHUP', 500, 'SIGHUP', 500, 'SIGUSR1', 500, 'SIGTERM', 1000, 'SIGKILL'] as const;
    expect(await send(pair)).toEqual({ code: null, lines: ['asked by SIGHUP'] });
  });
});

it('prints its codes', async () => {
  const { stdout } = await run(['--help']);
  for (const code of ['129', '130', '138', '140', '141', '143', '152']) {
    expect(stdout.toString()).toContain(code);
  }
  expect(MAIN).toMatch(/main\.js$/);
});
