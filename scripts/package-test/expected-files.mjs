// The files that the package is to hold, from the sources of the clone: the tarball holds these and no others.
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { filesOf } from '../prebuild/flavours.mjs';

/** Taken as they stand in the clone. */
const AS_THEY_ARE = [
  'package.json',
  'README.md',
  'LICENSE',
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  // What documents and configurations are for, and what `quickstart` draws with.
  'docs',
  'configs',
  'models/shapes',
  // `svg-t2i build` compiles these.
  'CMakeLists.txt',
  'cmake',
  'native',
  // `svg-t2i selftest` runs these.
  'test/golden/README.md',
  'test/golden/crop-buckets',
  'test/golden/full-conv-decoder',
  'test/golden/solver-dpm-2m-50',
  'test/golden/tokenizer',
  'test/golden/transport-paths',
];
const FOR_TESTS = /^configs\/test\//;
/** Read by the compiler alone. */
const TYPES_OF_SOURCES = /\.d\.m?ts$|(^|\/)tsconfig\.json$/;

/** Paths below the package's folder, sorted. */
export function expectedFiles(root, flavours) {
  const sources = clonedFiles(root, ['lib']).filter((file) => !TYPES_OF_SOURCES.test(file));
  return [
    ...clonedFiles(root, AS_THEY_ARE).filter((file) => !FOR_TESTS.test(file)),
    ...sources.flatMap((file) => compiled(file.replace(/^lib\//, 'dist/'))),
    'dist/cli/command-outlines.json', // of build-js.mjs
    'dist/cli/main.js', // of bundle-cli.mjs, and what it imports
    ...readdirSync(join(root, 'dist/cli/bundle')).map((file) => `dist/cli/bundle/${file}`),
    ...flavours.flatMap((flavour) => Object.values(filesOf(flavour))),
  ].sort();
}

/** What a clone holds of these, without what git ignores. */
function clonedFiles(root, paths) {
  const args = [
    'ls-files',
    '--cached',
    '--others',
    '--exclude-standard',
    '--deduplicate',
    '-z',
    '--',
    ...paths,
  ];
  const text = execFileSync('git', args, { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 ** 2 });
  return text.split('\0').filter((file) => file !== '');
}

/** Files that the build makes of a source; what it does not compile, it copies. */
function compiled(file) {
  const [, stem, kind = ''] = /^(.*)\.(m?)ts$/.exec(file) ?? /^(.*)\.(m)js$/.exec(file) ?? [];
  if (stem === undefined) return [file];
  return [`${stem}.${kind}js`, `${stem}.${kind}js.map`, `${stem}.d.${kind}ts`];
}
