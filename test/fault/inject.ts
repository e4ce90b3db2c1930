/** Runs the command line with a fault at one of the calls that change files below a folder. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Finished, run } from '../e2e/cli.js';

export const FAULT_KINDS = ['kill', 'ENOSPC', 'EIO', 'full'] as const;
/** `full`: the disk stays full from that call on. */
export type FaultKind = (typeof FAULT_KINDS)[number];

/** Compiled once; undefined where there is no C compiler. */
export function compileShim(): { readonly path: string; remove(): void } | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'svg-fault-'));
  const path = join(folder, 'shim.so');
  const source = fileURLToPath(new URL('./shim.c', import.meta.url));
  const args = ['-shared', '-fPIC', '-O1', '-Wall', '-Werror', '-o', path, source, '-ldl', '-lpthread'];
  const { status, error, stderr } = spawnSync('cc', args, { encoding: 'utf8' });
  const remove = () => rmSync(folder, { recursive: true });
  if (status === 0) return { path, remove };
  remove();
  if (error !== undefined) return undefined;
  throw new Error(`shim.c does not compile:\n${stderr}`);
}

export interface Injection {
  readonly shim: string;
  /** Calls below this folder count. */
  readonly folder: string;
  readonly env?: Readonly<Record<string, string>> | undefined;
}

function environment({ shim, folder, env }: Injection): Record<string, string> {
  // Without io_uring every call goes through the C library.
  return { ...env, LD_PRELOAD: shim, FAULT_FOLDER: folder, UV_USE_IO_URING: '0' };
}

/** The calls of a run that nothing disturbs, as "create /a.png". */
export async function listCalls(args: readonly string[], injection: Injection): Promise<readonly string[]> {
  const log = `${injection.folder}.log`;
  rmSync(log, { force: true });
  const { code, stderr } = await run(args, { env: { ...environment(injection), FAULT_LOG: log } });
  if (code !== 0) throw new Error(`the undisturbed run ended with ${code}: ${stderr}`);
  if (!existsSync(log)) throw new Error('the undisturbed run changed no file: the shim was not loaded');
  const lines = readFileSync(log, 'utf8').trim().split('\n');
  rmSync(log);
  return lines.map((line) => line.replace(/^\d+ /, ''));
}

/** `at` counts from 1. */
export async function runWithFault(
  args: readonly string[],
  { kind, at, ...injection }: Injection & { readonly kind: FaultKind; readonly at: number },
): Promise<Finished> {
  const stays = kind === 'full';
  return await run(args, {
    env: {
      ...environment(injection),
      FAULT_KIND: stays ? 'ENOSPC' : kind,
      FAULT_AT: String(at),
      ...(stays ? { FAULT_STAYS: '1' } : {}),
    },
  });
}
