import { type ErrorCode, SvgT2IError } from '../errors.js';
import { PACKAGE_VERSION } from '../version.js';

const NOT_SET_UP: ReadonlySet<ErrorCode> = new Set([
  'ERR_SVGT2I_ADDON_MISSING',
  'ERR_SVGT2I_LIBTORCH_MISSING',
  'ERR_SVGT2I_TORCH_VERSION',
]);

/** What `svg-t2i --version` prints; works without libtorch, and then says so. */
export async function versionText(): Promise<string> {
  const lines = [`svg-t2i ${PACKAGE_VERSION} (Node.js ${process.versions.node})`];
  try {
    const { runtimeInfo } = await import('../engine.js');
    const info = runtimeInfo();
    lines.push(`libtorch ${info.torch}, CPU ${info.cpuCapability}${info.cpuBf16 ? ' with bf16' : ''}`);
    lines.push(info.cudaBuild ? `CUDA build, ${info.cudaDevices} GPU(s)` : 'CPU build, no CUDA');
  } catch (error) {
    const isNotSetUp = !SvgT2IError.isInstance(error) || NOT_SET_UP.has(error.code);
    lines.push(
      isNotSetUp ? 'libtorch: not set up (svg-t2i install, svg-t2i doctor)' : `libtorch: ${error.message}`,
    );
  }
  return lines.join('\n');
}
