// `svg-t2i train` on several processes: the same numbers as on one, and what ends a run of many.
import type { ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { freePort } from '../../dist/processes/launch.js';
import { listCheckpoints } from '../../dist/train/checkpoint.js';
import { type Finished, type RunOptions, run } from './cli.js';
import { autoencoderArgs, ditArgs, lossesOf, makeWorkshop, readText, type Workshop } from './training.js';

/** Sums in another order; AdamW makes more of them from step to step. */
const LOSS_TOLERANCE = 1e-5;
/** A third of it is how long a process of a busy machine may be without its processor. */
const TIMEOUT_SECONDS = 30;
const QUICK = ['--set', 'samples.every=0'];

let workshop: Workshop;
beforeAll(async () => {
  workshop = await makeWorkshop();
  expect((await run(ditArgs(workshop, 'alone', ...QUICK))).code).toBe(0);
});
afterAll(() => rmSync(workshop.folder, { recursive: true }));

function train(name: string, ...more: readonly string[]): Promise<Finished> {
  return run(ditArgs(workshop, name, ...QUICK, ...more));
}

interface PairOptions extends Pick<RunOptions, 'watch'> {
  readonly more?: readonly string[];
  readonly ofRank1?: readonly string[];
  readonly started?: (rank: number, child: ChildProcess) => void;
}

/** Two processes that learn their ranks from variables, as torchrun and srun start them; `watch` sees both. */
async function startPair(
  name: string,
  options: PairOptions,
): Promise<readonly [Promise<Finished>, Promise<Finished>]> {
  const port = String(await freePort());
  const start = (rank: number): Promise<Finished> => {
    const limits = ['--set', `parallel.timeoutSeconds=${TIMEOUT_SECONDS}`];
    const own = rank === 1 ? (options.ofRank1 ?? []) : [];
    const env = { RANK: String(rank), WORLD_SIZE: '2', MASTER_ADDR: '127.0.0.1', MASTER_PORT: port };
    return run(ditArgs(workshop, name, ...QUICK, ...limits, ...(options.more ?? []), ...own), {
      env,
      started: (child) => options.started?.(rank, child),
      ...(options.watch === undefined ? {} : { watch: options.watch }),
    });
  };
  return [start(0), start(1)];
}

function checkpointFiles(name: string, step: number): readonly string[] {
  const folder = join(workshop.folder, name, 'checkpoints', `step-${String(step).padStart(8, '0')}`);
  return readdirSync(folder).filter((file) => file.endsWith('.safetensors'));
}

interface MetricsLine {
  readonly badItems: number;
  readonly lossByTime: readonly (number | null)[];
}

function metricsOf(name: string): readonly MetricsLine[] {
  const lines = readText(workshop, name, 'metrics.jsonl').trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as MetricsLine);
}

function expectLosses(name: string, of: string, losses: readonly string[] = ['loss']): void {
  const wanted = lossesOf(workshop, of);
  const got = lossesOf(workshop, name);
  expect(got.map(([step]) => step)).toEqual(wanted.map(([step]) => step));
  for (const loss of losses) {
    got.forEach(([step, values], i) => {
      const value = wanted[i]?.[1][loss] ?? Number.NaN;
      const difference = Math.abs((values[loss] ?? Number.NaN) - value);
      expect(difference, `${loss} of step ${step}`).toBeLessThan(LOSS_TOLERANCE * value);
    });
  }
}

it('two processes have the losses of one', async () => {
  const { code, stderr } = await train('two', '--nproc', '2');
  expect([code, stderr]).toEqual([0, expect.stringContaining('8 steps on 2 processes')]);
  expectLosses('two', 'alone');
  expect(checkpointFiles('two', 8)).toEqual(['rank-00000-of-00002.safetensors']);
  expect(readdirSync(join(workshop.folder, 'two/export'))).toContain('dit-two');
});

it('two processes tell the losses by time, and the pictures that cannot be read, of both', async () => {
  const alone = metricsOf('alone');
  expect(alone.flatMap(({ lossByTime }) => lossByTime).some((loss) => loss !== null)).toBe(true);
  metricsOf('two').forEach(({ lossByTime }, i) => {
    lossByTime.forEach((loss, bin) => {
      const wanted = alone[i]?.lossByTime[bin] ?? null;
      expect(loss === null).toBe(wanted === null);
      expect(Math.abs((loss ?? 0) - (wanted ?? 0))).toBeLessThan(LOSS_TOLERANCE * (wanted ?? 1));
    });
  });
  const lines = readFileSync(workshop.list, 'utf8').split('\n');
  const list = join(workshop.folder, 'pictures/some-broken.jsonl');
  writeFileSync(
    list,
    [...lines, '{"path": "gone.png", "prompt": "a"}', '{"path": "list.jsonl", "prompt": "b"}'].join('\n'),
  );
  const broken = ['--set', `data.sets=[{"path": "${list}"}]`, '--set', 'data.maxBadShare=0.9'];
  for (const processes of ['1', '2']) {
    const name = `broken-${processes}`;
    expect((await train(name, ...broken, '--nproc', processes)).code).toBe(0);
    expect(metricsOf(name).at(-1)?.badItems).toBe(2);
  }
});

it('four processes with a shared optimiser have them too, and two and one go on from their checkpoints', async () => {
  const sharded = ['--set', 'parallel.mode=sdp', '--set', 'parallel.bucketMiB=1'];
  const begun = await train('sharded', ...sharded, '--nproc', '4', '--set', 'steps=4');
  expect([begun.code, begun.stderr]).toEqual([0, expect.stringContaining('4 steps on 4 processes')]);
  expect(checkpointFiles('sharded', 4)).toHaveLength(4);
  const resumed = await train('sharded', ...sharded, '--nproc', '2', '--set', 'steps=6', '--resume');
  expect([resumed.code, resumed.stderr]).toEqual([0, expect.stringContaining('going on after step 4')]);
  expect(checkpointFiles('sharded', 6)).toHaveLength(2);
  expect((await train('sharded', '--resume')).code).toBe(0);
  expectLosses('sharded', 'alone');
});

it('two processes train an autoencoder as one does', async () => {
  const before = ['--set', 'steps=2', '--set', 'loss.discStart=100', ...QUICK];
  const alone = await run(autoencoderArgs(workshop, 'ae-alone', ...before));
  const two = await run(
    autoencoderArgs(workshop, 'ae-two', ...before, '--set', 'parallel.mode=sdp', '--nproc', '2'),
  );
  expect([alone.code, two.code, two.stderr]).toEqual([0, 0, expect.stringContaining('on 2 processes')]);
  expectLosses('ae-two', 'ae-alone', ['total', 'rec']);
  expect(checkpointFiles('ae-two', 2)).toHaveLength(2);
  expect(readdirSync(join(workshop.folder, 'ae-two/export/autoencoder'))).toHaveLength(2);
});

it.concurrent.each([
  ['dies', 'SIGKILL', 1],
  ['freezes', 'SIGSTOP', 0],
] as const)(
  'a process that %s (%s of rank %i) ends the other, which names it',
  async (name, signal, culprit) => {
    const children: ChildProcess[] = [];
    let struck = false;
    const pair = await startPair(name, {
      more: ['--set', 'steps=100000', '--set', 'checkpoints.every=2'],
      started: (rank, child) => {
        children[rank] = child;
      },
      watch: (_child, _stdout, stderr) => {
        if (struck || !stderr.includes('step 3/')) return;
        struck = true;
        children[culprit]?.kill(signal);
      },
    });
    const { code, stderr } = await pair[culprit === 0 ? 1 : 0];
    children[culprit]?.kill('SIGKILL');
    await pair[culprit];
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(new RegExp(`error: rank ${culprit} .*ERR_SVGT2I_RANKS`, 's')),
    ]);
    const [newest = 0] = await listCheckpoints(join(workshop.folder, name, 'checkpoints'));
    const resumed = await train(name, '--resume', '--set', `steps=${newest + 1}`);
    expect([resumed.code, resumed.stderr]).toEqual([
      0,
      expect.stringContaining(`going on after step ${newest}`),
    ]);
    expect(newest).toBeGreaterThanOrEqual(2);
  },
);

it.concurrent('processes that stood still together, as with their machine, go on', async () => {
  const children: ChildProcess[] = [];
  let stopped = false;
  const signal = (name: NodeJS.Signals) => {
    for (const child of children) child.kill(name);
  };
  const pair = await startPair('paused', {
    started: (_rank, child) => children.push(child),
    watch: (_child, _stdout, stderr) => {
      if (stopped || !stderr.includes('step 3/')) return;
      stopped = true;
      signal('SIGSTOP');
      setTimeout(signal, (TIMEOUT_SECONDS + 2) * 1000, 'SIGCONT');
    },
  });
  for (const { code, stderr } of await Promise.all(pair))
    expect([code, stderr]).toEqual([0, expect.anything()]);
  expect(stopped).toBe(true);
  expectLosses('paused', 'alone');
});

it.concurrent('processes with different configurations are refused', async () => {
  const both = await startPair('different', { ofRank1: ['--set', 'optimizer.lr=0.5'] });
  for (const { code, stderr } of await Promise.all(both)) {
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining(
        'the configuration of rank 1 differs from rank 0\'s: "optimizer.lr: 0.5" against',
      ),
    ]);
  }
});

it.concurrent('a port in use is named', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const env = { RANK: '0', WORLD_SIZE: '2', MASTER_ADDR: '127.0.0.1', MASTER_PORT: String(port) };
  const { code, stderr } = await run(ditArgs(workshop, 'port', ...QUICK), { env });
  server.close();
  expect([code, stderr]).toEqual([1, expect.stringContaining(`port ${port} of 127.0.0.1 is in use`)]);
  expect(stderr).toContain('MASTER_PORT');
});
