// package.json as it is published: without what only a clone can use. `prepack` puts it in place of the clone's own,
// which `postpack` brings back; so does the next set-up, where packing was cut off.
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

// Set-up runs this too, before it knows the version of Node.js.
const clone = join(dirname(fileURLToPath(import.meta.url)), '..');

/** The manifest of a clone, and where its text is kept while npm packs. */
const files = (root) => ({
  manifest: join(root, 'package.json'),
  kept: join(root, 'build/package.json.kept'),
});

/** The text of the published package.json. */
export function publishedText(text) {
  return `${JSON.stringify(publishedManifest(JSON.parse(text)), undefined, 2)}\n`;
}

/** What npm, yarn and bundlers read of an installed package, and what its own code reads. */
function publishedManifest(whole) {
  const { scripts: _, devDependencies: __, ...published } = whole;
  return published;
}

export function putPublishedManifest(root = clone) {
  restoreManifest(root);
  const { manifest, kept } = files(root);
  const text = readFileSync(manifest, 'utf8');
  mkdirSync(dirname(kept), { recursive: true });
  copyFileSync(manifest, kept);
  // postpack runs from the manifest that npm has read, so it need not stand in this one.
  writeFileSync(manifest, publishedText(text));
}

/** Leaves a package.json alone that somebody has changed since. */
export function restoreManifest(root = clone) {
  const { manifest, kept } = files(root);
  if (!existsSync(kept)) return;
  const published = publishedText(readFileSync(kept, 'utf8'));
  if (readFileSync(manifest, 'utf8') === published) renameSync(kept, manifest);
  else rmSync(kept);
}
