/** Unpacks what is wanted of an archive, where there is room for it. */
import { basename } from 'node:path';
import { checkFreeSpace, type FreeBytes } from '../fetch/disk.js';
import { roomForLibtorch } from './archive-checks.js';
import type { OnInstallProgress } from './progress.js';
import { type SelectEntry, unpackedSize, unzip } from './unzip.js';

export interface UnpackOptions {
  readonly signal?: AbortSignal | undefined;
  readonly note: (message: string) => void;
  readonly onProgress?: OnInstallProgress | undefined;
  readonly freeBytes?: FreeBytes | undefined;
}

/** How many bytes that were; 0 where the archive holds nothing that is wanted. */
export async function unpack(
  archive: string,
  target: string,
  select: SelectEntry,
  { signal, note, onProgress, freeBytes }: UnpackOptions,
): Promise<number> {
  const total = await unpackedSize(archive, select);
  if (total === 0) return 0;
  await checkFreeSpace(roomForLibtorch(target, total), freeBytes);
  const what = `unpacking ${basename(archive)}`;
  note(what);
  const onBytes = (done: number) => onProgress?.({ kind: 'bytes', what, done, total });
  return await unzip(archive, target, { select, signal, onBytes });
}
