/** One process per device on this machine: the same command again, each with its own rank. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { constants } from 'node:os';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { SvgT2IError } from '../errors.js';

export interface LaunchOptions {
  readonly processes: number;
  /** Program and arguments of every process. */
  readonly command: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** A line that a process has printed, without its end. */
  readonly onLine: (rank: number, stream: 'stdout' | 'stderr', line: string) => void;
  /** Told when a process has ended badly, the first time; the others are being ended then. */
  readonly onFailure?: (rank: number, exitCode: number) => void;
  /** Passed on to all processes as SIGINT: they save and end. */
  readonly signal?: AbortSignal | undefined;
  /** What is given to the others to end by themselves after the first has failed. */
  readonly graceMs?: number;
}

const GRACE_MS = 10_000;

/** Starts all processes and waits for all; the first that ends badly ends the others, and its exit code is returned. */
export async function launchRanks(options: LaunchOptions): Promise<number> {
  const { processes, signal, onFailure, graceMs = GRACE_MS } = options;
  const port = await freePort();
  const children = Array.from({ length: processes }, (_, rank) => startRank(options, rank, port));
  let failure = 0;
  let killTimer: NodeJS.Timeout | undefined;
  const stopOthers = (): void => {
    const kill = (name: NodeJS.Signals) => children.forEach(({ child }) => void child.kill(name));
    kill('SIGTERM');
    killTimer ??= setTimeout(() => kill('SIGKILL'), graceMs);
  };
  const interrupt = () => children.forEach(({ child }) => void child.kill('SIGINT'));
  signal?.addEventListener('abort', interrupt);
  try {
    await Promise.all(
      children.map(async ({ ended }, rank) => {
        const exitCode = await ended;
        if (exitCode === 0 || failure !== 0) return;
        failure = exitCode;
        // Asked to stop, all of them end with a code of their own and at their own time.
        if (signal?.aborted === true) return;
        onFailure?.(rank, exitCode);
        stopOthers();
      }),
    );
  } finally {
    clearTimeout(killTimer);
    signal?.removeEventListener('abort', interrupt);
  }
  return failure;
}

/** Ends a process at once where its launcher has died. Does nothing where there is none. */
export function endWithLauncher(): void {
  process.on('disconnect', () => process.exit(1));
  // Waiting for that must not keep a finished process alive.
  process.channel?.unref();
}

function startRank(options: LaunchOptions, rank: number, port: number) {
  const { command, env, processes, onLine } = options;
  const [program, ...args] = command;
  const child: ChildProcess = spawn(program, args, {
    env: {
      ...env,
      RANK: String(rank),
      LOCAL_RANK: String(rank),
      WORLD_SIZE: String(processes),
      LOCAL_WORLD_SIZE: String(processes),
      MASTER_ADDR: '127.0.0.1',
      MASTER_PORT: String(port),
    },
    // The channel tells each side when the other has died.
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    // A group of its own: Ctrl-C reaches the launcher alone, which passes it on once.
    detached: true,
  });
  forwardLines(child.stdout, (line) => onLine(rank, 'stdout', line));
  forwardLines(child.stderr, (line) => onLine(rank, 'stderr', line));
  const ended = new Promise<number>((resolve, reject) => {
    child.once('error', (error) =>
      reject(new SvgT2IError('ERR_SVGT2I_IO', `process ${rank} could not be started: ${error.message}`)),
    );
    // 128 + number is how a shell tells the end by a signal.
    child.once('close', (code, name) => resolve(code ?? 128 + (name === null ? 0 : constants.signals[name])));
  });
  return { child, ended };
}

function forwardLines(stream: Readable | null, onLine: (line: string) => void): void {
  if (stream !== null)
    createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY }).on('line', onLine);
}

/** A port of 127.0.0.1 that nobody listens on now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}
