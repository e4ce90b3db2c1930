// The command line of dist/ as a few files in place of two hundred: to find, read and link that many modules takes longer
// than most of what a command does, and a bundle leaves out what nobody uses (of zod all languages but one). The modules
// themselves stay as they are, for importers and for workers. The small packages that every drawing reads are bundled
// along, with their licences; others are imported from where they are installed.
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, posix, relative, sep } from 'node:path';
import { rolldown } from 'rolldown';

const root = join(import.meta.dirname, '..');
const dist = join(root, 'dist');
const FOLDER = 'cli/bundle';
const PACKAGES = ['@huggingface/tokenizers', 'commander', 'picocolors', 'yaml', 'zod'];

// What is needed before libtorch is opened, what opens it, and then the rest in the order of its need. A module goes
// with all that it imports to the first that asks for it. The entry is left out: it awaits the others.
const ownModules = (...names) => new RegExp(`/dist/(${names.join('|')})\\.js$`);
const ofPackage = (name) => new RegExp(`/node_modules/${name}/`);
const GROUPS = [
  { name: 'start', test: ownModules('cli/signals', 'cli/start-and-end') },
  { name: 'open', test: ownModules('native/load') },
  { name: 'commander', test: ofPackage('commander') },
  { name: 'program', test: ownModules('cli/program') },
  { name: 'zod', test: ofPackage('zod') },
  { name: 'yaml', test: ofPackage('yaml') },
  { name: 'tokenizers', test: ofPackage('@huggingface/tokenizers') },
  { name: 'draw', test: ownModules('cli/commands/sample', 'cli/draw') },
];

/** dist/cli/main.js and what it imports. */
export async function bundleCommandLine() {
  const bundle = await rolldown({
    input: { 'cli/main': join(dist, 'cli/entry.js') },
    cwd: root,
    platform: 'node',
    external: dependencies().filter((name) => !PACKAGES.includes(name)),
    plugins: [placesStay],
    checks: { ineffectiveDynamicImport: false },
  });
  rmSync(join(dist, FOLDER), { recursive: true, force: true });
  await bundle.write({
    dir: dist,
    format: 'esm',
    // Whole names: where a chunk is replaced under a running process, another letter is an error and not another function.
    minifyInternalExports: false,
    entryFileNames: '[name].js',
    chunkFileNames: `${FOLDER}/[name].js`,
    codeSplitting: { groups: GROUPS.map((group, i) => ({ ...group, priority: GROUPS.length - i })) },
  });
  await bundle.close();
  writeFileSync(join(dist, FOLDER, 'LICENSES.txt'), PACKAGES.map(licenceOf).join('\n\n'));
}

const PLACE = 'PLACE-IN-DIST/';

/** A module that is part of a chunk names the files beside it as it did before. */
const placesStay = {
  name: 'places-stay',
  transform(code, id) {
    const path = relative(dist, id);
    if (path.startsWith('..') || !code.includes('import.meta')) return null;
    if (/import\.meta\b(?!\.url\b)/.test(code))
      throw new Error(`${path}: the bundle knows import.meta.url alone`);
    const place = JSON.stringify(PLACE + path.split(sep).join('/'));
    return { code: code.replaceAll('import.meta.url', `new URL(${place}, import.meta.url).href`) };
  },
  renderChunk(code, { fileName }) {
    if (!code.includes(PLACE)) return null;
    const up = posix.relative(posix.dirname(fileName), '');
    return { code: code.replaceAll(PLACE, `${up}/`) };
  },
};

function dependencies() {
  return Object.keys(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).dependencies);
}

function licenceOf(name) {
  const folder = join(root, 'node_modules', name);
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  if (file === undefined) throw new Error(`${name} comes without its licence`);
  const { version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  return `${name} ${version} (${license})\n\n${readFileSync(join(folder, file), 'utf8').trim()}\n`;
}
