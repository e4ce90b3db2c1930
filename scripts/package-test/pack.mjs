// Packs with the real npm, and looks into the tarball.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { filesBelow } from '../files.mjs';
import { publishedText } from '../manifest.mjs';

const root = join(import.meta.dirname, '../..');

/** Packs a copy of the clone's files, so that the clone stays as it is meanwhile; returns the tarball's path. */
export function pack(folder) {
  const stage = join(folder, 'stage');
  mkdirSync(stage, { recursive: true });
  const text = readFileSync(join(root, 'package.json'), 'utf8');
  for (const entry of [...JSON.parse(text).files, 'README.md', 'LICENSE']) {
    if (entry.startsWith('!') || entry === 'prebuilds') continue;
    mkdirSync(dirname(join(stage, entry)), { recursive: true });
    cpSync(join(root, entry), join(stage, entry), { recursive: true });
  }
  writeFileSync(join(stage, 'package.json'), publishedText(text));
  run(process.execPath, [join(root, 'scripts/prebuilds.mjs'), '--out', stage, '--any-floor'], root);
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

const FORBIDDEN = [
  [/^binding\.gyp$/, 'makes npm and yarn compile'],
  [/(^|\/)\.(tsbuildinfo|stamp)$/, 'is left over from a build'],
  [/^(lib|scripts|build|build-cmake|node_modules)\//, 'is for clones'],
  [/^(configs\/test|test\/(?!golden\/))/, 'is for the tests'],
  [/^(tsconfig|vitest|biome)[^/]*$/, 'is for clones'],
  [/\.(tgz|log|part)$/, 'is no part of the package'],
];
const REQUIRED = [
  'package.json',
  'README.md',
  'LICENSE',
  'CHANGELOG.md',
  'CMakeLists.txt',
  'native/addon/addon.cpp',
  'dist/index.js',
  'dist/index.d.ts',
  'dist/cli/main.js',
  'models/shapes/defaults.yaml',
  `prebuilds/${process.platform}-${process.arch}/svg-t2i.glibc.node`,
  `prebuilds/${process.platform}-${process.arch}/loader/svg-t2i-loader.node`,
  `prebuilds/${process.platform}-${process.arch}/loader/build-info.json`,
];
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

/** Everything about the unpacked package that is not as it should be. */
export function contentProblems(unpacked, builderPaths) {
  const names = filesBelow(unpacked, ['']).map((file) => relative(unpacked, file));
  const problems = REQUIRED.filter((name) => !names.includes(name)).map((name) => `${name} is missing`);
  for (const name of names) {
    for (const [pattern, why] of FORBIDDEN) if (pattern.test(name)) problems.push(`${name} ${why}`);
    const bytes = readFileSync(join(unpacked, name));
    for (const path of builderPaths) if (bytes.includes(`${path}/`)) problems.push(`${name} names ${path}`);
    if (name.endsWith('.map')) problems.push(...mapProblems(name, bytes));
  }
  if (!readdirSync(join(unpacked, 'test/golden')).length) problems.push('there is no golden case');
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
