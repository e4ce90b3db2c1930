// Before `npm pack` and `npm publish`: everything that the tarball holds is made from the sources as they are now.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { putPublishedManifest } from './manifest.mjs';

const root = join(import.meta.dirname, '..');

function run(script, ...args) {
  const { status } = spawnSync(process.execPath, [join(root, 'scripts', script), ...args], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  });
  if (status !== 0) process.exit(status ?? 1);
}

run('setup.mjs');
// What is published has been made with both binaries before (prepublishOnly).
run('prebuilds.mjs', '--flavours', 'auto');
putPublishedManifest();
