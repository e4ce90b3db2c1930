/** What an archive must pass before it is unpacked: room on the disk, and its hash. */
import { SvgT2IError } from '../errors.js';
import { hashOfFile, type SpaceNeed } from '../fetch/disk.js';

/** The room that libtorch needs in a folder of the cache. */
export function roomForLibtorch(dir: string, bytes: number): SpaceNeed {
  const hint = 'Free some space, or set SVG_T2I_HOME to a folder on a larger disk.';
  return { dir, bytes, what: 'libtorch', hint };
}

/** Throws ERR_SVGT2I_INSTALL when a file is not the one that was meant. */
export async function checkSha256(file: string, expected: string, signal?: AbortSignal): Promise<void> {
  const actual = await hashOfFile(file, { signal });
  if (actual === expected.toLowerCase()) return;
  throw new SvgT2IError('ERR_SVGT2I_INSTALL', `${file} has SHA-256 ${actual}, not ${expected}`, {
    hint: 'The file is cut or is another one: fetch it again, or correct --sha256.',
  });
}
