// Makes prebuilds/<platform>/ with prebuildify from the build in build/, which is brought up to date first;
// `--out DIR` puts it below another folder, `--any-floor` takes what a newer compiler has made (to try it, not to publish it).
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import prebuildify from 'prebuildify';

const root = join(import.meta.dirname, '..');
const { values } = parseArgs({
  options: { out: { type: 'string', default: root }, 'any-floor': { type: 'boolean', default: false } },
});
const out = resolve(values.out);
const folder = join(out, 'prebuilds', `${process.platform}-${process.arch}`);

await import('./build.mjs');
if (!process.exitCode) await makePrebuild();

async function makePrebuild() {
  // prebuildify strips the addon and moves it away, which it can on one disk alone: it gets a copy beside its goal.
  const stage = join(out, 'prebuilds/.stage');
  rmSync(stage, { recursive: true, force: true });
  mkdirSync(join(stage, 'build'), { recursive: true });
  cpSync(join(root, 'build/Release'), join(stage, 'build/Release'), { recursive: true });
  cpSync(join(root, 'package.json'), join(stage, 'package.json'));
  // In a folder of its own, the loader cannot be taken for the addon.
  const loader = join(stage, 'artifacts/loader');
  cpSync(join(root, 'build/loader'), loader, { recursive: true });
  leaveOutFolder(join(loader, 'build-info.json'));
  rmSync(folder, { recursive: true, force: true });
  await promisify(prebuildify)({
    napi: true,
    strip: true,
    tagLibc: true,
    cwd: stage,
    out,
    artifacts: join(stage, 'artifacts'),
    // It is built already.
    nodeGyp: 'true',
    targets: [],
  });
  rmSync(stage, { recursive: true });
  const files = [join(folder, 'svg-t2i.glibc.node'), join(folder, 'loader/svg-t2i-loader.node')];
  const strict = values['any-floor'] ? [] : ['--strict'];
  const { status } = spawnSync(process.execPath, ['scripts/check-symbols.mjs', ...strict, ...files], {
    cwd: root,
    stdio: 'inherit',
  });
  process.exitCode = status;
}

/** Where libtorch lay when it was built concerns no other machine. */
function leaveOutFolder(file) {
  const { libtorch: _, ...info } = JSON.parse(readFileSync(file, 'utf8'));
  writeFileSync(file, `${JSON.stringify(info, undefined, 2)}\n`);
}
