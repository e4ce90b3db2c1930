/** Runs another program to its end, or until a signal: nothing of it goes on afterwards. */
import { type ChildProcess, spawn } from 'node:child_process';
import { systemErrorCode } from '../errors.js';

/** How long a program may take to end by itself when it is asked to. */
const PATIENCE_MS = 500;
/** Of its output, at most: its last bytes. */
const MAX_OUTPUT = 4000;

export interface RunProgramOptions {
  readonly signal?: AbortSignal | undefined;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Gets the program when it has started, with its output unread. */
  readonly onStart?: (child: ChildProcess) => void;
}

export interface ProgramResult {
  /** undefined where there is no such program, or a signal has ended it. */
  readonly code: number | undefined;
  /** The end of what it wrote to stdout and stderr. */
  readonly output: string;
}

/**
 * The program, and all that it starts, have ended when this settles.
 *
 * @throws the reason of the signal
 */
export async function runProgram(
  program: string,
  args: readonly string[],
  { signal, env = process.env, cwd, onStart }: RunProgramOptions = {},
): Promise<ProgramResult> {
  signal?.throwIfAborted();
  // A group of its own: what it has started is ended with it, and no Ctrl-C reaches it past us.
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env, cwd, detached: true });
  let output = '';
  const collect = (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-MAX_OUTPUT);
  };
  child.stdout.on('data', collect);
  child.stderr.on('data', collect);
  onStart?.(child);
  let patience: NodeJS.Timeout | undefined;
  const end = () => {
    endGroup(child, 'SIGTERM');
    patience = setTimeout(() => endGroup(child, 'SIGKILL'), PATIENCE_MS);
  };
  const endAtExit = () => endGroup(child, 'SIGKILL');
  signal?.addEventListener('abort', end, { once: true });
  process.once('exit', endAtExit);
  try {
    const code = await new Promise<number | undefined>((resolve, reject) => {
      child.once('close', (status) => resolve(status ?? undefined));
      child.once('error', (error) => {
        if (systemErrorCode(error) === 'ENOENT') resolve(undefined);
        else reject(error);
      });
    });
    signal?.throwIfAborted();
    return { code, output };
  } finally {
    clearTimeout(patience);
    process.off('exit', endAtExit);
    signal?.removeEventListener('abort', end);
  }
}

function endGroup({ pid }: ChildProcess, name: 'SIGTERM' | 'SIGKILL'): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, name);
  } catch (error) {
    // It has ended by itself.
    if (systemErrorCode(error) !== 'ESRCH') throw error;
  }
}
