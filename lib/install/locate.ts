/** Finds libtorch: named folder, SVG_T2I_LIBTORCH, LIBTORCH, our cache, the torch of a Python. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { SvgT2IError } from '../errors.js';
import { inspectLibtorch, type Libtorch } from './libtorch.js';
import { type Environment, libtorchCache } from './paths.js';
import { PINNED_TORCH_VERSION } from './torch-version.js';

export type LibtorchSource = '--libtorch' | 'SVG_T2I_LIBTORCH' | 'LIBTORCH' | 'cache' | 'python';

export interface FoundLibtorch extends Libtorch {
  readonly source: LibtorchSource;
}

export interface LocateOptions {
  /** A folder named by the user. */
  readonly libtorch?: string | undefined;
  /** Python whose torch is taken; true for the one on PATH. `LIBTORCH_USE_PYTORCH=1` asks for the same. */
  readonly fromPython?: string | boolean | undefined;
  /** Takes only this version from the cache. */
  readonly version?: string | undefined;
  /** Takes only this flavour from the cache. */
  readonly flavour?: string | undefined;
  readonly env?: Environment | undefined;
}

/**
 * The first libtorch in the search order, or undefined. A folder that somebody named but that does not hold a usable
 * libtorch is an error, never passed over in silence.
 */
export function findLibtorch(options: LocateOptions = {}): FoundLibtorch | undefined {
  const env = options.env ?? process.env;
  if (options.libtorch) return { ...inspectLibtorch(options.libtorch), source: '--libtorch' };
  for (const source of ['SVG_T2I_LIBTORCH', 'LIBTORCH'] as const) {
    const dir = env[source];
    if (dir) return { ...inspectLibtorch(dir), source };
  }
  const cached = cachedLibtorchs(env).find(
    ({ version, flavour }) =>
      version === (options.version ?? version) && flavour === (options.flavour ?? flavour),
  );
  if (cached !== undefined) return { ...cached, source: 'cache' };
  const python = options.fromPython ?? env.LIBTORCH_USE_PYTORCH === '1';
  if (python === false) return undefined;
  return {
    ...inspectLibtorch(pythonTorchFolder(python === true ? undefined : python, env)),
    source: 'python',
  };
}

/** Every usable libtorch of the cache: the pinned version first, a CUDA build before the CPU build. */
export function cachedLibtorchs(env: Environment = process.env): readonly Libtorch[] {
  const cache = libtorchCache(env);
  if (!existsSync(cache)) return [];
  const found = readdirSync(cache)
    .filter((name) => /^\d+\.\d+\.\d+\+\w+$/.test(name) && existsSync(join(cache, name, 'lib/libtorch.so')))
    .map((name) => inspectLibtorch(join(cache, name)));
  const rank = ({ version, flavour }: Libtorch) =>
    (version === PINNED_TORCH_VERSION ? 0 : 2) + (flavour === 'cpu' ? 1 : 0);
  return found.sort(
    (a, b) => rank(a) - rank(b) || b.version.localeCompare(a.version, 'en', { numeric: true }),
  );
}

/** Folder of the torch that a Python imports, found without importing it (that would take seconds). */
export function pythonTorchFolder(python: string | undefined, env: Environment = process.env): string {
  const command = python ?? env.SVG_T2I_PYTHON ?? 'python3';
  const script =
    'import importlib.util as u; s = u.find_spec("torch"); print(s.submodule_search_locations[0] if s else "")';
  const result = spawnSync(command, ['-c', script], { encoding: 'utf8', env: { ...process.env, ...env } });
  const folder = result.stdout?.trim() ?? '';
  if (result.status === 0 && folder !== '') return folder;
  const cause = result.error === undefined ? `'${command}' has no torch` : `'${command}' does not run`;
  throw new SvgT2IError('ERR_SVGT2I_LIBTORCH_MISSING', `no torch of a Python: ${cause}`, {
    hint: 'Name a Python that has torch with `--from-python PYTHON`, or run `svg-t2i install`.',
    cause: result.error,
  });
}
