// Has prebuildify make prebuilds/<platform>-<arch>/ of a build: the stripped addon under its name, its loader beside it.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import prebuildify from 'prebuildify';

const root = join(import.meta.dirname, '../..');

/** @param output folder of the build's results, with Release/ and loader/ */
export async function stagePrebuild(output, folder) {
  // prebuildify strips the addon and moves it away, which it can on one disk alone: it gets a copy beside its goal.
  const stage = join(folder, 'prebuilds/.stage');
  rmSync(stage, { recursive: true, force: true });
  mkdirSync(join(stage, 'build'), { recursive: true });
  cpSync(join(output, 'Release'), join(stage, 'build/Release'), { recursive: true });
  cpSync(join(root, 'package.json'), join(stage, 'package.json'));
  // In a folder of its own, the loader cannot be taken for the addon.
  const loader = join(stage, 'artifacts/loader');
  cpSync(join(output, 'loader'), loader, { recursive: true });
  execFileSync('strip', ['--strip-all', join(loader, 'svg-t2i-loader.node')]);
  leaveOutFolder(join(loader, 'build-info.json'));
  await promisify(prebuildify)({
    napi: true,
    strip: true,
    tagLibc: true,
    cwd: stage,
    out: folder,
    artifacts: join(stage, 'artifacts'),
    // It is built already.
    nodeGyp: 'true',
    targets: [],
  });
  rmSync(stage, { recursive: true });
}

/** Where libtorch lay when it was built concerns no other machine. */
function leaveOutFolder(file) {
  const { libtorch: _, ...info } = JSON.parse(readFileSync(file, 'utf8'));
  writeFileSync(file, `${JSON.stringify(info, undefined, 2)}\n`);
}
