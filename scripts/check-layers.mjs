// Include arrows of native/ and import arrows of lib/ point one way and go round nowhere, between folders as between
// files; every permission is used; Node-API stays in native/addon.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { circlesOf } from './circles.mjs';
import { filesBelow } from './files.mjs';
import { everywhere, libLayers } from './lib-layers.mjs';

const root = join(import.meta.dirname, '..');
const problems = [];

const native = readArrows('native', ['.h', '.cpp', '.cuh', '.cu'], (file, text) => {
  if (!file.startsWith('native/addon/') && /#include\s*[<"](napi|node_api|js_native_api)\.h/.test(text)) {
    problems.push(`${file}: Node-API belongs in native/addon`);
  }
  return [...text.matchAll(/^#include "([^"]+)"/gm)].map(([, included]) => `native/${included}`);
});
checkLayers(native, nativeLayers(), [], 'CMakeLists.txt');
// A header and its source are one thing: what either includes, both stand on.
checkCircles(native, (file) => file.replace(/\.(h|cpp|cuh|cu)$/, ''));

const lib = readArrows('lib', ['.ts', '.mjs', '.js'], (file, text) =>
  [...text.matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)].map(([, imported]) => {
    const path = join(dirname(file), imported);
    // The page's own files are JavaScript as they stand.
    return existsSync(join(root, path)) ? path : path.replace(/\.js$/, '.ts');
  }),
);
checkLayers(lib, libLayers, everywhere, 'scripts/lib-layers.mjs');
checkCircles(lib, (file) => file);

for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exitCode = 1;

/** File -> files that it includes or imports; those outside the folder left out. */
function readArrows(folder, endings, targetsOf) {
  const arrows = new Map();
  for (const path of filesBelow(join(root, folder), endings)) {
    const file = relative(root, path);
    if (file === 'native/pch.h') continue;
    const targets = targetsOf(file, readFileSync(path, 'utf8'));
    arrows.set(
      file,
      targets.filter((target) => target.startsWith(`${folder}/`) && existsSync(join(root, target))),
    );
  }
  return arrows;
}

/** A layer is a folder, or a file beside the folders. */
function layerOf(file) {
  return file.split('/')[1].replace(/\.m?[jt]s$|\.h$/, '');
}

function checkLayers(arrows, layers, free, owner) {
  const used = new Set();
  for (const [file, targets] of arrows) {
    const from = layerOf(file);
    const allowed = free.includes(from) ? [] : layers[from];
    if (allowed === undefined) problems.push(`${file}: ${from} has no place in ${owner}`);
    for (const to of targets.map(layerOf)) {
      if (from === to || free.includes(to)) continue;
      used.add(`${from} ${to}`);
      if (!(allowed ?? []).includes(to)) {
        problems.push(`${file}: ${from} must not use ${to}, says ${owner}`);
      }
    }
  }
  const present = new Set([...arrows.keys()].map(layerOf));
  for (const [from, targets] of Object.entries(layers)) {
    if (!present.has(from)) problems.push(`${owner}: there is no ${from}`);
    for (const to of targets) {
      if (!used.has(`${from} ${to}`)) problems.push(`${owner}: ${from} may use ${to}, but does not`);
    }
  }
}

function checkCircles(arrows, unitOf) {
  const units = new Map();
  for (const [file, targets] of arrows) {
    const all = units.get(unitOf(file)) ?? new Set();
    for (const target of targets) if (unitOf(target) !== unitOf(file)) all.add(unitOf(target));
    units.set(unitOf(file), all);
  }
  for (const circle of circlesOf(units)) problems.push(`a circle: ${circle.join(' -> ')}`);
}

/** Layer of native/ -> layers that its library names in CMakeLists.txt. */
function nativeLayers() {
  const text = readFileSync(join(root, 'CMakeLists.txt'), 'utf8');
  const names = (list) => (list ?? '').split(/\s+/).flatMap((name) => name.match(/^svg_(\w+)$/)?.[1] ?? []);
  const layers = [...text.matchAll(/^svg_layer\((\w+)(?:\s+DEPENDS\s+([\w\s]+?))?\s+SOURCES/gm)].map(
    ([, name, depends]) => [name, names(depends)],
  );
  const addon = text.match(/target_link_libraries\(svg_t2i PRIVATE ([^)]+)\)/)?.[1];
  return Object.fromEntries([...layers, ['addon', names(addon)]]);
}
