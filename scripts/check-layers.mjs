// Include arrows of native/ and import arrows of lib/ point one way, and Node-API stays in native/addon.
import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { filesBelow } from './files.mjs';

const root = join(import.meta.dirname, '..');

/** Folder of native/ -> folders that it may include. */
const nativeLayers = {
  core: [],
  io: ['core'],
  kernels: ['core'],
  ops: ['core', 'kernels'],
  diffusion: ['core'],
  models: ['core', 'kernels', 'ops', 'diffusion'],
  distributed: ['core'],
  train: ['core', 'distributed', 'io', 'kernels', 'ops', 'diffusion', 'models'],
  plain: ['core', 'diffusion', 'models', 'ops', 'train'],
  bench: ['core', 'diffusion', 'models', 'plain', 'train'],
  golden: ['core', 'io', 'kernels', 'ops', 'diffusion', 'models', 'train'],
  engine: [
    'core',
    'distributed',
    'io',
    'kernels',
    'ops',
    'diffusion',
    'models',
    'train',
    'plain',
    'bench',
    'golden',
  ],
  addon: ['core', 'engine'],
};

/** Folder or file of lib/ -> those that it may import; those of `everywhere` serve all. */
const libLayers = {
  abort: [],
  caller: [],
  errors: [],
  lock: [],
  files: [],
  'keyed-lines': ['files'],
  printable: [],
  'python-json': [],
  utf8: [],
  stop: [],
  version: [],
  config: [],
  install: [],
  image: ['config'],
  data: ['config', 'image'],
  text: ['config'],
  native: ['install'],
  engine: ['native'],
  'weight-files': ['config', 'engine'],
  release: ['config', 'install', 'text', 'engine'],
  pipeline: ['config', 'install', 'data', 'image', 'text', 'native', 'engine', 'release'],
  doctor: ['config', 'install', 'native', 'release'],
  shapes: ['config', 'data', 'image'],
  processes: ['config', 'engine'],
  features: ['config', 'data', 'image', 'text', 'native', 'engine', 'release', 'pipeline', 'processes'],
  train: [
    'processes',
    'features',
    'config',
    'data',
    'image',
    'text',
    'native',
    'engine',
    'release',
    'pipeline',
  ],
  selftest: ['config', 'data', 'image', 'text', 'native', 'engine', 'release', 'pipeline'],
  bench: ['config', 'image', 'engine', 'release', 'pipeline', 'processes', 'features', 'train'],
  index: [
    'config',
    'data',
    'image',
    'text',
    'native',
    'engine',
    'weight-files',
    'release',
    'pipeline',
    'processes',
    'train',
  ],
  cli: [
    'config',
    'install',
    'data',
    'image',
    'text',
    'native',
    'engine',
    'weight-files',
    'bench',
    'doctor',
    'release',
    'pipeline',
    'selftest',
    'processes',
    'features',
    'train',
    'shapes',
    'index',
  ],
};
const everywhere = [
  'abort',
  'caller',
  'errors',
  'lock',
  'files',
  'keyed-lines',
  'printable',
  'regular-file',
  'python-json',
  'stop',
  'utf8',
  'version',
];

const problems = [];

function check(file, from, to, layers) {
  if (from === to || (layers === libLayers && everywhere.includes(to))) return;
  if (!(from in layers)) problems.push(`${file}: ${from} has no place in scripts/check-layers.mjs`);
  else if (!layers[from].includes(to)) problems.push(`${file}: ${from} must not use ${to}`);
}

for (const path of filesBelow(join(root, 'native'), ['.h', '.cpp', '.cuh', '.cu'])) {
  const file = relative(root, path);
  const [, layer] = file.split('/');
  const text = readFileSync(path, 'utf8');
  if (layer !== 'addon' && /#include\s*[<"](napi|node_api|js_native_api)\.h/.test(text)) {
    problems.push(`${file}: Node-API belongs in native/addon`);
  }
  if (file.split('/').length < 3) continue; // the precompiled header
  for (const [, included] of text.matchAll(/^#include "([^"/]+)\//gm))
    check(file, layer, included, nativeLayers);
}

const lib = join(root, 'lib');
const layerOf = (path) =>
  relative(lib, path)
    .split('/')[0]
    .replace(/\.m?[jt]s$/, '');
for (const path of filesBelow(lib, ['.ts', '.mjs'])) {
  const text = readFileSync(path, 'utf8');
  for (const [, imported] of text.matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)) {
    check(relative(root, path), layerOf(path), layerOf(join(dirname(path), imported)), libLayers);
  }
}

for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exitCode = 1;
