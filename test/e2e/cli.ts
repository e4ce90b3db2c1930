/** Runs the built command line as a user would. */

import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';

export const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

export interface Finished {
  readonly code: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Text on stdin; without it stdin is empty. */
  readonly stdin?: string;
  /** Writes beyond this size of one file fail, as on a full disk. In blocks of 512 bytes. */
  readonly fileBlocks?: number;
  /** Memory that it may map, in KiB. */
  readonly mappedKilobytes?: number;
  /** Gets the process once it is started. */
  readonly started?: (child: ChildProcess) => void;
  /** Sees the process and what it has printed so far, whenever it prints. */
  readonly watch?: (child: ChildProcess, stdout: string, stderr: string) => void;
}

export function run(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const { SVG_T2I_PRETRAINED: _, ...env } = process.env;
    const command = [process.execPath, MAIN, ...args];
    const limits = [
      ...(options.fileBlocks === undefined ? [] : [`ulimit -f ${options.fileBlocks}`]),
      ...(options.mappedKilobytes === undefined ? [] : [`ulimit -v ${options.mappedKilobytes}`]),
    ];
    const limited = ['sh', '-c', [...limits, 'exec "$@"'].join('; '), 'sh', ...command];
    const [program = '', ...rest] = limits.length === 0 ? command : limited;
    const child = spawn(program, rest, {
      cwd: options.cwd,
      env: { ...env, NO_COLOR: '1', ...options.env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    options.started?.(child);
    const out: Buffer[] = [];
    let stderr = '';
    const tell = () => options.watch?.(child, Buffer.concat(out).toString(), stderr);
    child.stdout.on('data', (chunk: Buffer) => {
      out.push(chunk);
      tell();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
      tell();
    });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      // As a shell tells it: a second Ctrl-C may meet a process that no longer listens.
      const told = signal === null ? code : 128 + constants.signals[signal];
      resolve({ code: told, stdout: Buffer.concat(out), stderr });
    });
    child.stdin.end(options.stdin ?? '');
  });
}

/** The NDJSON lines on stdout. */
export function jsonLines({ stdout }: Finished): Record<string, unknown>[] {
  return stdout
    .toString()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}
