/** Pictures below a folder, to any depth, through links; what is passed over is counted. */
import type { Dirent, Stats } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { fileError } from '../errors.js';
import { IMAGE_EXTENSIONS } from '../image/format.js';

export interface NamedFolder {
  readonly name: string;
  readonly path: string;
}

export interface FolderContents {
  readonly folders: readonly NamedFolder[];
  readonly pictures: readonly string[];
}

const PICTURES: ReadonlySet<string> = new Set(IMAGE_EXTENSIONS);

/** Endings, counted files, or single names that a remark names at most. */
const MAX_NAMED = 5;

/** Lists of captions and of archives that other programs would read; somebody may think that they are. */
const METADATA = new Map([
  ['metadata.jsonl', "the captions in Hugging Face's metadata.jsonl are not read"],
  ['metadata.csv', "the captions in Hugging Face's metadata.csv are not read"],
  ['metadata.parquet', "the captions in Hugging Face's metadata.parquet are not read"],
  ['dataset_info.json', 'a data set that Hugging Face datasets saved (save_to_disk) is not read'],
]);

/** What lies below a root and is not taken. */
export class PassedOver {
  readonly #root: string;
  readonly #endings = new Map<string, number>();
  readonly #metadata = new Set<string>();
  readonly #empty: string[] = [];
  readonly #loops: string[] = [];
  readonly #dangling: string[] = [];

  constructor(root: string) {
    this.#root = root;
  }

  addFile(path: string): void {
    const name = basename(path);
    const metadata = METADATA.get(name);
    if (metadata !== undefined) this.#metadata.add(metadata);
    const ending = extname(name).toLowerCase() || 'no ending';
    this.#endings.set(ending, (this.#endings.get(ending) ?? 0) + 1);
  }

  /** A class folder without pictures; its number stays. */
  addEmpty(name: string): void {
    this.#empty.push(name);
  }

  /** A link to a folder that it lies in itself. */
  addLoop(path: string): void {
    this.#loops.push(path);
  }

  addDangling(path: string): void {
    this.#dangling.push(path);
  }

  /** A line a kind. */
  remarks(): readonly string[] {
    const files = [...this.#endings].sort(([a, some], [b, others]) => others - some || (a < b ? -1 : 1));
    const count = files.reduce((sum, [, some]) => sum + some, 0);
    const kinds = named(files.map(([ending, some]) => `${some} ${ending}`));
    const lines = [
      ...this.#metadata,
      ...(count > 0 ? [`${count} other ${count === 1 ? 'file' : 'files'} passed over (${kinds})`] : []),
      ...(this.#empty.length > 0 ? [`folders without pictures: ${sorted(this.#empty)}`] : []),
      ...(this.#loops.length > 0 ? [`links back to a folder above passed over: ${sorted(this.#loops)}`] : []),
      ...(this.#dangling.length > 0 ? [`links to nothing passed over: ${sorted(this.#dangling)}`] : []),
    ];
    return lines.map((line) => `${this.#root}: ${line}`);
  }
}

/** Folders are read side by side, so the order in which things were met says nothing. */
function sorted(all: readonly string[]): string {
  return named([...all].sort());
}

function named(all: readonly string[]): string {
  const more = all.length > MAX_NAMED ? ` and ${all.length - MAX_NAMED} more` : '';
  return all.slice(0, MAX_NAMED).join(', ') + more;
}

/** What lies in a folder itself, sorted by name. Names that begin with a dot are left out. */
export async function listFolder(folder: string, passedOver: PassedOver): Promise<FolderContents> {
  const folders: NamedFolder[] = [];
  const pictures: string[] = [];
  for (const entry of await readFolder(folder)) {
    const path = join(folder, entry.name);
    // Links whose name is a picture's are not looked at: sets of a million pictures are made of them.
    if (!entry.isDirectory() && PICTURES.has(extname(entry.name).toLowerCase())) pictures.push(path);
    else if (await isFolderEntry(entry, path, passedOver)) folders.push({ name: entry.name, path });
  }
  return { folders, pictures };
}

/** The pictures below a folder, which lies in `root`: those of each folder by name, folders by path. */
export async function walkPictures(
  folder: string,
  root: string,
  passedOver: PassedOver,
): Promise<readonly string[]> {
  const lists: { readonly folder: string; readonly pictures: readonly string[] }[] = [];
  const visit = async (path: string, above: readonly string[]): Promise<void> => {
    const identity = await identityOf(path);
    if (above.includes(identity)) {
      passedOver.addLoop(path);
      return;
    }
    const { folders, pictures } = await listFolder(path, passedOver);
    lists.push({ folder: path, pictures });
    for (const inner of folders) await visit(inner.path, [...above, identity]);
  };
  await visit(folder, [await identityOf(root)]);
  lists.sort((a, b) => (a.folder < b.folder ? -1 : 1));
  return lists.flatMap(({ pictures }) => pictures);
}

async function isFolderEntry(entry: Dirent, path: string, passedOver: PassedOver): Promise<boolean> {
  if (entry.isDirectory()) return true;
  if (!entry.isSymbolicLink()) {
    passedOver.addFile(path);
    return false;
  }
  let target: Stats;
  try {
    target = await stat(path);
  } catch {
    // Broken, or a link to itself.
    passedOver.addDangling(path);
    return false;
  }
  if (!target.isDirectory()) passedOver.addFile(path);
  return target.isDirectory();
}

/** The same for all paths that lead to a folder. */
async function identityOf(folder: string): Promise<string> {
  try {
    const { dev, ino } = await stat(folder, { bigint: true });
    return `${dev}:${ino}`;
  } catch (error) {
    throw fileError(error, 'read', folder);
  }
}

async function readFolder(folder: string): Promise<readonly Dirent[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.filter((entry) => !entry.name.startsWith('.')).sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    throw fileError(error, 'read', folder);
  }
}
