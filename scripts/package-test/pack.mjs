// Packs with the real npm, and looks into the tarball.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { filesBelow } from '../files.mjs';
import { publishedText } from '../manifest.mjs';
import { FLAVOURS, filesOf } from '../prebuild/flavours.mjs';
import { expectedFiles } from './expected-files.mjs';

const root = join(import.meta.dirname, '../..');

/**
 * Packs a copy of the clone's files, so that the clone stays as it is meanwhile; returns the tarball's path.
 *
 * @param flavours of the binaries, as prebuilds.mjs takes them
 */
export function pack(folder, flavours) {
  const stage = join(folder, 'stage');
  mkdirSync(stage, { recursive: true });
  const text = readFileSync(join(root, 'package.json'), 'utf8');
  for (const entry of [...JSON.parse(text).files, 'README.md', 'LICENSE']) {
    if (entry.startsWith('!') || entry === 'prebuilds') continue;
    mkdirSync(dirname(join(stage, entry)), { recursive: true });
    cpSync(join(root, entry), join(stage, entry), { recursive: true });
  }
  writeFileSync(join(stage, 'package.json'), publishedText(text));
  const prebuilds = [join(root, 'scripts/prebuilds.mjs'), '--flavours', flavours];
  run(process.execPath, [...prebuilds, '--out', stage, '--any-floor'], root);
  const name = run('npm', ['pack', '--pack-destination', folder, '--loglevel', 'error'], stage).trim();
  rmSync(stage, { recursive: true });
  return join(folder, name);
}

function run(command, args, cwd) {
  return execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
}

/** Unpacks a tarball into a folder and returns the package's own. */
export function unpack(tarball, folder) {
  mkdirSync(folder, { recursive: true });
  run('tar', ['-xzf', tarball, '-C', folder], folder);
  return join(folder, 'package');
}

const MANIFEST_KEYS = [
  'repository',
  'homepage',
  'bugs',
  'keywords',
  'author',
  'main',
  'types',
  'os',
  'cpu',
  'libc',
];

/** Names and bytes of what was unpacked. */
export function inventory(unpacked) {
  const files = filesBelow(unpacked, ['']);
  const names = files.map((file) => relative(unpacked, file));
  return { names, bytes: files.reduce((sum, file) => sum + statSync(file).size, 0) };
}

/** Everything about the unpacked package that is not as it should be. */
export function contentProblems(unpacked, builderPaths) {
  const { names } = inventory(unpacked);
  const flavours = FLAVOURS.filter((flavour) => names.includes(filesOf(flavour).addon));
  const expected = expectedFiles(root, flavours.length === 0 ? FLAVOURS : flavours);
  const problems = [
    ...expected.filter((name) => !names.includes(name)).map((name) => `${name} is missing`),
    ...names.filter((name) => !expected.includes(name)).map((name) => `${name} is no part of the package`),
  ];
  for (const name of names) {
    const bytes = readFileSync(join(unpacked, name));
    for (const path of builderPaths) if (bytes.includes(`${path}/`)) problems.push(`${name} names ${path}`);
    if (name.endsWith('.map')) problems.push(...mapProblems(name, bytes));
  }
  const manifest = JSON.parse(readFileSync(join(unpacked, 'package.json'), 'utf8'));
  for (const key of ['scripts', 'devDependencies'])
    if (key in manifest) problems.push(`package.json has ${key}`);
  for (const key of MANIFEST_KEYS) if (!(key in manifest)) problems.push(`package.json has no ${key}`);
  return [...problems, ...brokenLinks(unpacked, names)];
}

function mapProblems(name, bytes) {
  const { sources, sourcesContent = [] } = JSON.parse(bytes);
  const whole = sources.every((_, i) => typeof sourcesContent[i] === 'string');
  return whole ? [] : [`${name} has no sources, which the package does not hold`];
}

/** Relative links of the documents lead to files of the package; those to the clone's own are a problem. */
function brokenLinks(unpacked, names) {
  const known = new Set([...names, ...names.map((name) => dirname(name))]);
  return names
    .filter((name) => /^(README|docs\/[^/]+)\.md$|^docs\/.*\.md$/.test(name))
    .flatMap((name) => {
      const text = readFileSync(join(unpacked, name), 'utf8');
      return [...text.matchAll(/\]\((?!https?:|#|mailto:)([^)#]+)/g)]
        .map(([, link]) => join(dirname(name), link).replace(/\/$/, ''))
        .filter((link) => !known.has(link))
        .map((link) => `${name} links to ${link}, which is not there`);
    });
}
