import { type ErrorCode, SvgT2IError } from '../errors.js';
import { PACKAGE_VERSION } from '../version.js';
import { printJson, printLine } from './output.js';

const NOT_SET_UP: ReadonlySet<ErrorCode> = new Set([
  'ERR_SVGT2I_ADDON_MISSING',
  'ERR_SVGT2I_LIBTORCH_MISSING',
  'ERR_SVGT2I_TORCH_VERSION',
]);

/** As --json prints them. */
export interface Versions {
  /** Of the package. */
  readonly version: string;
  readonly node: string;
  /** Null where it cannot be opened. */
  readonly libtorch: {
    readonly version: string;
    readonly cpu: string;
    readonly bf16: boolean;
    readonly cudaBuild: boolean;
    readonly gpus: number;
  } | null;
  /** Why not. */
  readonly problem?: string;
}

/** The versions of all that matters; works without libtorch, and then says so. */
export async function versions(): Promise<Versions> {
  const known = { version: PACKAGE_VERSION, node: process.versions.node };
  try {
    const { runtimeInfo } = await import('../engine.js');
    const { torch, cpuCapability, cpuBf16, cudaBuild, cudaDevices } = runtimeInfo();
    const libtorch = { version: torch, cpu: cpuCapability, bf16: cpuBf16, cudaBuild, gpus: cudaDevices };
    return { ...known, libtorch };
  } catch (error) {
    const isNotSetUp = !SvgT2IError.isInstance(error) || NOT_SET_UP.has(error.code);
    const problem = isNotSetUp ? 'not set up (svg-t2i install, svg-t2i doctor)' : error.message;
    return { ...known, libtorch: null, problem };
  }
}

/** What `svg-t2i --version` prints. */
export async function printVersions({ json }: { readonly json: boolean }): Promise<void> {
  const found = await versions();
  if (json) {
    printJson(found);
    return;
  }
  printLine(`svg-t2i ${found.version} (Node.js ${found.node})`);
  if (found.libtorch === null) {
    printLine(`libtorch: ${found.problem ?? ''}`);
    return;
  }
  const { version, cpu, bf16, cudaBuild, gpus } = found.libtorch;
  printLine(`libtorch ${version}, CPU ${cpu}${bf16 ? ' with bf16' : ''}`);
  printLine(cudaBuild ? `CUDA build, ${gpus} GPU(s)` : 'CPU build, no CUDA');
}

/** Whether a command line asks for the versions: by a flag in front, and --json on either side of it. */
export function asksForVersions(argv: readonly string[]): boolean {
  const [first] = argv.filter((argument) => argument !== '--json');
  return first !== undefined && ['--version', '-V', '-v'].includes(first);
}
