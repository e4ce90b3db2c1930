import { PACKAGE_VERSION } from '../version.js';

/** What `svg-t2i --version` prints; works without libtorch, and then says so. */
export async function versionText(): Promise<string> {
  const lines = [`svg-t2i ${PACKAGE_VERSION} (Node.js ${process.versions.node})`];
  try {
    const { runtimeInfo } = await import('../engine.js');
    const info = runtimeInfo();
    lines.push(`libtorch ${info.torch}, CPU ${info.cpuCapability}${info.cpuBf16 ? ' with bf16' : ''}`);
    lines.push(info.cudaBuild ? `CUDA build, ${info.cudaDevices} GPU(s)` : 'CPU build, no CUDA');
  } catch {
    lines.push('libtorch: not set up (svg-t2i install, svg-t2i doctor)');
  }
  return lines.join('\n');
}
