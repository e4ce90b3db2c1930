import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { Engine } from '../../dist/engine.js';
import { freePort } from '../../dist/processes/launch.js';

const script = fileURLToPath(new URL('./fixtures/rank.mjs', import.meta.url));

interface Rank {
  readonly child: ChildProcess;
  /** Resolves when all ranks have met. */
  readonly met: Promise<void>;
  /** The last line that it printed. */
  readonly ended: Promise<{ readonly exitCode: number | null; readonly line: string }>;
}

/** Processes that each do what their role says, see the script. */
async function startRanks(roles: readonly string[], timeoutSeconds: number): Promise<Rank[]> {
  const port = await freePort();
  return roles.map((role, rank) => {
    const args = [script, role, port, rank, roles.length, timeoutSeconds].map(String);
    const child = spawn(process.execPath, args, {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, OMP_NUM_THREADS: '1' },
    });
    const lines = createInterface({ input: child.stdout });
    let line = '';
    const met = new Promise<void>((resolve) => {
      lines.on('line', (text) => {
        line = text;
        resolve();
      });
    });
    const ended = new Promise<{ exitCode: number | null; line: string }>((resolve) => {
      child.once('close', (exitCode) => resolve({ exitCode, line }));
    });
    return { child, met, ended };
  });
}

describe('ranks', () => {
  it('meet, agree, reduce and part', async () => {
    const ranks = await startRanks(['works', 'works', 'works'], 60);
    for (const { ended } of ranks) {
      const line = 'max 2,0, sum 3,1.5, rank 0,rank 1,rank 2';
      expect(await ended).toEqual({ exitCode: 0, line });
    }
  });

  it('learn whose configuration differs', async () => {
    const ranks = await startRanks(['works', 'differs', 'works'], 60);
    for (const { ended } of ranks) {
      expect(await ended).toEqual({
        exitCode: 1,
        line: expect.stringMatching(/^ERR_SVGT2I_RANKS the configuration of rank 1 differs.*"lr: 2"/),
      });
    }
  });

  it.concurrent.each([
    ['dies', 'SIGKILL', 0, 'rank 0'],
    ['dies', 'SIGKILL', 2, 'rank 2'],
    ['freezes', 'SIGSTOP', 0, 'rank 0'],
    ['freezes', 'SIGSTOP', 1, 'rank 1'],
  ] as const)('end within the timeout when one %s (%s of rank %i)', async (_, signal, culprit, name) => {
    const timeoutSeconds = 30;
    const roles = ['works', 'works', 'works'].map((role, rank) => (rank === culprit ? 'waits' : role));
    const ranks = await startRanks(roles, timeoutSeconds);
    await Promise.all(ranks.map(({ met }) => met));
    ranks[culprit]?.child.kill(signal);
    try {
      for (const [rank, { ended }] of ranks.entries()) {
        if (rank === culprit) continue;
        const { exitCode, line } = await ended;
        expect(exitCode).toBe(1);
        expect(line).toMatch(new RegExp(`^ERR_SVGT2I_RANKS ${name}\\b`));
      }
    } finally {
      ranks[culprit]?.child.kill('SIGKILL');
    }
  });

  it('end when one gives up', async () => {
    const ranks = await startRanks(['works', 'leaves', 'works'], 60);
    for (const rank of [0, 2]) {
      expect((await ranks[rank]?.ended)?.line).toMatch(/^ERR_SVGT2I_RANKS rank 1 .* left the run/);
    }
    expect((await ranks[1]?.ended)?.line).toBe('undefined no disk');
  });

  it('need a group for what they do together', async () => {
    await using engine = await Engine.create({ threads: 1 });
    await expect(engine.run('dist-barrier', { patient: false })).rejects.toMatchObject({
      code: 'ERR_SVGT2I_NOT_LOADED',
    });
    await engine.run('dist-close', {});
    const { value } = await engine.run('dist-open', {
      rank: 0,
      worldSize: 1,
      masterAddr: '127.0.0.1',
      masterPort: 29500,
      timeoutSeconds: 600,
      backend: 'auto',
    });
    expect(value.backend).toBe('none');
    await engine.run('dist-barrier', { patient: false });
    const reduce = (op: 'max' | 'sum') => engine.run('dist-reduce', { op, values: [3, 1] });
    expect((await reduce('max')).value.values).toEqual([3, 1]);
    expect((await reduce('sum')).value.values).toEqual([3, 1]);
    await expect(reduce('mean' as 'sum')).rejects.toMatchObject({ code: 'ERR_SVGT2I_INVALID_ARGUMENT' });
  });
});
