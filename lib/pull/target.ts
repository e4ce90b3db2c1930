/** Where the files of a repository go: into the hub's cache, or as they are into a folder of their own. */
import { join } from 'node:path';
import type { PartFile } from '../fetch/part-file.js';
import type { HubFile } from '../hub/listing.js';

export interface Target {
  /** Folder that the files lie below. */
  readonly root: string;
  /** Folders of what is written beside the files: what processes that died have left there is removed. */
  readonly folders: readonly string[];
  /** Only one process at a time writes there. */
  readonly lockFile: string;
  /** Where a file is read from once it is there. */
  path(file: HubFile): string;
  /** Where its pieces are gathered. */
  part(file: HubFile): string;
  /** `there`: all of it; `near`: its bytes are on this machine, under another name; `missing`: to be fetched. */
  state(file: HubFile): Promise<'there' | 'near' | 'missing'>;
  /** Makes the place, before the lock is taken. */
  prepare(): Promise<void>;
  /** Of one whose bytes are near. */
  adopt(file: HubFile): Promise<void>;
  /** Of one whose bytes another file has. */
  copy(from: string, file: HubFile): Promise<void>;
  /** Of one that was fetched and checked. */
  publish(file: HubFile, part: PartFile): Promise<void>;
  /** Whether that was done already. */
  isFinished(): boolean;
  /** Once all files are there. */
  finish(): Promise<void>;
}

/** Name of what is written beside others' files while it is not whole. */
export const PART_ENDING = '.svg-t2i.incomplete';
export const LOCK_NAME = 'svg-t2i.lock';

/** A path of the hub below a folder of this machine. */
export function below(folder: string, path: string): string {
  return join(folder, ...path.split('/'));
}
