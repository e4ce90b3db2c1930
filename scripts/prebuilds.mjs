// Makes prebuilds/ with prebuildify: the addon for a CPU, and the one for CUDA, each for the libtorch that `svg-t2i install`
// fetches, and checks each. `--flavours cpu,cu130` names them, `--flavours auto` leaves out the one for CUDA where what it
// needs is not at hand; `--out DIR` puts them below another folder, `--any-floor` takes what a newer compiler has made (to
// try it, not to publish it).
import { spawnSync } from 'node:child_process';
import { rmSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { progressPrinter } from '../dist/install/progress.js';
import { nvccVersion } from '../dist/install/toolchain.js';
import { kernelTargets, libraryEntries, newestVersions } from './prebuild/binary.mjs';
import { buildFlavour, libtorchAtHand } from './prebuild/build-flavour.mjs';
import { capabilities, FLAVOURS, filesOf, folderOf } from './prebuild/flavours.mjs';
import { stagePrebuild } from './prebuild/stage.mjs';
import { tryFlavour } from './prebuild/try-flavour.mjs';
import { stopOnSignals } from './stop-on-signals.mjs';

const root = join(import.meta.dirname, '..');
const { values } = parseArgs({
  options: {
    flavours: { type: 'string', default: FLAVOURS.join() },
    out: { type: 'string', default: root },
    'any-floor': { type: 'boolean', default: false },
  },
});
const out = resolve(values.out);
const say = (text) => process.stderr.write(`svg-t2i prebuilds: ${text}\n`);
const stop = stopOnSignals();

function wantedFlavours() {
  if (values.flavours !== 'auto') {
    const named = values.flavours.split(',');
    const unknown = named.find((name) => !FLAVOURS.includes(name));
    if (unknown !== undefined)
      throw new Error(`--flavours ${unknown} is none of auto, ${FLAVOURS.join(', ')}`);
    return named;
  }
  return FLAVOURS.filter((flavour) => {
    if (capabilities(flavour).length === 0) return true;
    const missing = nvccVersion() === undefined ? 'nvcc is not on PATH' : 'its libtorch is not at hand';
    if (nvccVersion() !== undefined && libtorchAtHand(flavour) !== undefined) return true;
    say(`without the addon for ${flavour}: ${missing}; \`npm run prebuilds\` makes both`);
    return false;
  });
}

/** Everything that is wrong with a binary as it is published. */
function problemsOf(flavour, libtorch) {
  const { addon, loader } = filesOf(flavour);
  const strict = values['any-floor'] ? [] : ['--strict'];
  const files = [addon, loader].map((file) => join(out, file));
  const { status, stderr } = spawnSync(process.execPath, ['scripts/check-symbols.mjs', ...strict, ...files], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'inherit', 'pipe'],
  });
  const targets = kernelTargets(files[0]);
  const missing = capabilities(flavour).filter((capability) => !targets.includes(`sm_${capability}`));
  return [
    ...(status === 0 ? [] : stderr.trim().split('\n')),
    ...missing.map((capability) => `${addon} has no kernels for sm_${capability}`),
    ...tryFlavour(flavour, libtorch, out, say),
  ];
}

function describe(flavour) {
  const { addon } = filesOf(flavour);
  const file = join(out, addon);
  const versions = Object.entries(newestVersions(file)).map(([family, version]) => `${family}_${version}`);
  const libraries = libraryEntries(file).map(({ value }) => value);
  console.log(`${addon}: ${(statSync(file).size / 1e6).toFixed(1)} MB`);
  console.log(`  asks for at most ${versions.join(', ')}`);
  console.log(`  needs ${libraries.join(', ')}`);
  const targets = kernelTargets(file);
  if (targets.length > 0) console.log(`  has kernels for ${targets.join(', ')}`);
}

async function main() {
  const built = new Map();
  const onProgress = progressPrinter(say);
  for (const flavour of wantedFlavours())
    built.set(flavour, await buildFlavour(flavour, { signal: stop.signal, onProgress, log: say }));
  // All of them, so that none of older sources is left.
  rmSync(join(out, 'prebuilds'), { recursive: true, force: true });
  for (const [flavour, { output }] of built) await stagePrebuild(output, folderOf(flavour, out));
  for (const [flavour, { libtorch }] of built) {
    describe(flavour);
    const problems = problemsOf(flavour, libtorch);
    for (const problem of problems) say(problem);
    if (problems.length > 0) process.exitCode = 1;
  }
}

try {
  await main();
} catch (error) {
  say(error.message);
  if (error.hint) say(`fix: ${error.hint}`);
  process.exitCode = stop.exitCode ?? 1;
}
