/** `svg-t2i serve` as a process of its own, and what Linux and its own metrics say of it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { request } from 'undici';
import { MAIN } from '../e2e/cli.js';

/** Collects garbage when it is told to: memory that is only not collected yet is not lost. */
const COLLECT = fileURLToPath(new URL('./collect.mjs', import.meta.url));
const LOG_ERROR_LEVEL = 50;

export interface Served {
  readonly url: string;
  readonly port: number;
  /** Lines of its log, as it wrote them. */
  readonly log: readonly string[];
  /** Bytes that are resident after all garbage was collected: the least of some looks. */
  settledMemory(): Promise<number>;
  /** Connections, and the socket that listens. */
  sockets(): Promise<number>;
  /** The sum of a metric over its labels that match. */
  metric(name: string, labels?: string): Promise<number>;
  /** Messages of its log that tell of a fault. */
  faults(): readonly string[];
  /** SIGTERM; its exit code. */
  drain(): Promise<number | null>;
  kill(): void;
}

/** Resolves when its model is loaded. */
export async function serveProcess(flags: readonly string[]): Promise<Served> {
  const node = ['--expose-gc', '--import', COLLECT, MAIN];
  const child = spawn(process.execPath, [...node, 'serve', '--port', '0', '--log', 'json', ...flags], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const log: string[] = [];
  const url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stderr ?? process.stdin }).on('line', (line) => {
      log.push(line);
      if (line.includes('is ready')) resolve(/http:[^"]+/.exec(log.join('\n'))?.[0] ?? '');
    });
    void ended.then(() => reject(new Error(log.join('\n'))));
  });
  const metric = async (name: string, labels = '') => {
    const { body } = await request(`${url}/metrics`, { reset: true });
    const lines = (await body.text()).split('\n').filter((line) => line.startsWith(name));
    const own = lines.filter((line) => /^[ {]/.test(line.slice(name.length)) && line.includes(labels));
    return own.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
  };
  return {
    ...{ url, log, metric },
    port: Number(new URL(url).port),
    settledMemory: () => settledMemory(child),
    sockets: () => sockets(child),
    faults: () => log.filter((line) => levelOf(line) >= LOG_ERROR_LEVEL),
    drain: () => {
      child.kill('SIGTERM');
      return ended;
    },
    kill: () => void child.kill('SIGKILL'),
  };
}

/** The command itself tells of its end in words. */
function levelOf(line: string): number {
  return line.startsWith('{') ? (JSON.parse(line) as { readonly level: number }).level : 0;
}

const LOOKS = 4;

async function settledMemory(child: ChildProcess): Promise<number> {
  const looks: number[] = [];
  for (let i = 0; i < LOOKS; i++) {
    child.send('collect');
    await once(child, 'message');
    looks.push(await residentBytes(child.pid ?? 0));
  }
  return Math.min(...looks);
}

async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return 1024 * Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
}

async function sockets({ pid }: ChildProcess): Promise<number> {
  const folder = `/proc/${pid}/fd`;
  const targets = await Promise.all(
    (await readdir(folder)).map((name) => readlink(`${folder}/${name}`).catch(gone)),
  );
  return targets.filter((target) => target.startsWith('socket:')).length;
}

/** Closed between the listing and the look. */
function gone(): string {
  return '';
}
