import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** All files below a folder with one of the endings, sorted; none where there is no such folder. */
export function filesBelow(folder, endings) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && endings.some((ending) => entry.name.endsWith(ending)))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
