/** One process per device on this machine: the same command again, each with its own rank. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { constants } from 'node:os';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { EXIT_CODES, SvgT2IError } from '../errors.js';
import { causeOfExitCode } from '../stop.js';

export interface LaunchOptions {
  readonly processes: number;
  /** Program and arguments of every process. */
  readonly command: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** A line that a process has printed, without its end. */
  readonly onLine: (rank: number, stream: 'stdout' | 'stderr', line: string) => void;
  /** Told of each process that was started; `send` reaches it over its channel, and does nothing where it has died. */
  readonly onStart?: (rank: number, send: (message: object) => void) => void;
  /** Told how a process has ended badly, the first time; the others are being ended then. */
  readonly onFailure?: (rank: number, how: string) => void;
  /** What the user can do where a process has died. */
  readonly hint?: string;
  /** Passed on to all processes as SIGINT: they save and end. */
  readonly signal?: AbortSignal | undefined;
  /** What is given to the others to end by themselves after the first has failed. */
  readonly graceMs?: number;
}

/** Enough for a last message. Who died they find out later, but the launcher knows, and none of them can save alone. */
const GRACE_MS = 10_000;
/** This and the number of a signal is how a shell tells the end by it. */
const KILLED = 128;
/** Codes that only errors of ours end with, so that the process has told its own. */
const USER_CODES: ReadonlySet<number> = new Set([
  EXIT_CODES.usage,
  EXIT_CODES.environment,
  EXIT_CODES.weights,
  EXIT_CODES.memory,
]);

/** How one process ended that did not end well. */
interface BadEnd {
  readonly rank: number;
  readonly exitCode: number;
  /** It did not end by itself. */
  readonly killed: boolean;
}

export interface LaunchEnd {
  readonly exitCode: number;
  /** Whose exit code that is; undefined where all ended well. */
  readonly rank: number | undefined;
}

/**
 * Starts all processes and waits for all; the first that ends badly ends the others, and its exit code is returned. One
 * that was stopped by itself, with a code of lib/stop.ts, has all stopped.
 *
 * @throws SvgT2IError ERR_SVGT2I_RANKS where that one was killed, or ended without an error of its own
 */
export async function launchRanks(options: LaunchOptions): Promise<LaunchEnd> {
  const { processes, signal, onFailure, graceMs = GRACE_MS, hint } = options;
  const port = await freePort();
  const told = new Set<number>();
  const onLine: LaunchOptions['onLine'] = (rank, stream, line) => {
    if (/ERR_SVGT2I_[A-Z]/.test(line)) told.add(rank);
    options.onLine(rank, stream, line);
  };
  const children = Array.from({ length: processes }, (_, rank) =>
    startRank({ ...options, onLine }, rank, port),
  );
  const ends: BadEnd[] = [];
  let killTimer: NodeJS.Timeout | undefined;
  const kill = (name: NodeJS.Signals) => children.forEach(({ child }) => void child.kill(name));
  const stopOthers = (): void => {
    kill('SIGTERM');
    // One that stands still answers no signal but this.
    kill('SIGCONT');
    killTimer ??= setTimeout(() => kill('SIGKILL'), graceMs);
  };
  const interrupt = () => kill('SIGINT');
  signal?.addEventListener('abort', interrupt);
  if (signal?.aborted === true) interrupt();
  try {
    await Promise.all(
      children.map(async ({ ended }, rank) => {
        const end = { rank, ...(await ended) };
        if (end.exitCode === 0) return;
        ends.push(end);
        // Asked to stop, all of them end with a code of their own and at their own time.
        if (ends.length > 1 || signal?.aborted === true) return;
        if (wasStopped(end)) return interrupt();
        onFailure?.(rank, describeEnd(end));
        stopOthers();
      }),
    );
  } catch (error) {
    // One that could not be started.
    stopOthers();
    throw error;
  } finally {
    clearTimeout(killTimer);
    signal?.removeEventListener('abort', interrupt);
  }
  const isAsked = signal?.aborted === true;
  const end = decisiveEnd(ends, isAsked);
  if (end === undefined) return { exitCode: EXIT_CODES.ok, rank: undefined };
  const { rank, exitCode } = end;
  const isOwn = USER_CODES.has(exitCode) || (exitCode < KILLED && told.has(rank));
  // Also where Ctrl-C came before the process could listen.
  if (isOwn || wasStopped(end) || exitCode === EXIT_CODES.interrupted) return { exitCode, rank };
  throw new SvgT2IError('ERR_SVGT2I_RANKS', `${describeEnd(end)}, so the others were ended`, { hint });
}

/** The first, unless a later one says more: rank 0 stays until the others have heard that it failed, and have ended. */
function decisiveEnd(ends: readonly BadEnd[], isAsked: boolean): BadEnd | undefined {
  const stopped = (end: BadEnd) => wasStopped(end) || end.exitCode === EXIT_CODES.interrupted;
  const first = (isAsked ? ends.find((end) => !stopped(end)) : undefined) ?? ends[0];
  if (first?.exitCode !== EXIT_CODES.failure) return first;
  return ends.find(({ exitCode }) => USER_CODES.has(exitCode)) ?? first;
}

/** By its own will, with everything saved. */
function wasStopped({ exitCode, killed }: BadEnd): boolean {
  return !killed && causeOfExitCode(exitCode) !== undefined;
}

function describeEnd({ rank, exitCode }: BadEnd): string {
  const signal = Object.entries(constants.signals).find(([, number]) => number === exitCode - KILLED)?.[0];
  return signal === undefined
    ? `rank ${rank} ended with code ${exitCode}`
    : `rank ${rank} was ended by ${signal}`;
}

/** Ends a process at once where its launcher has died. Does nothing where there is none. */
export function endWithLauncher(): void {
  process.on('disconnect', () => process.exit(1));
  // Waiting for that must not keep a finished process alive.
  process.channel?.unref();
}

function startRank(options: LaunchOptions, rank: number, port: number) {
  const { command, env, processes, onLine, onStart } = options;
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
  // One that has died is told of by its end.
  onStart?.(rank, (message) => void child.send(message, () => undefined));
  forwardLines(child.stdout, (line) => onLine(rank, 'stdout', line));
  forwardLines(child.stderr, (line) => onLine(rank, 'stderr', line));
  const ended = new Promise<Omit<BadEnd, 'rank'>>((resolve, reject) => {
    child.once('error', (error) =>
      reject(new SvgT2IError('ERR_SVGT2I_IO', `process ${rank} could not be started: ${error.message}`)),
    );
    child.once('close', (code, name) =>
      resolve({
        exitCode: code ?? KILLED + (name === null ? 0 : constants.signals[name]),
        killed: code === null,
      }),
    );
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
