/** Finds and loads the .node file. */

import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { NativeBinding } from './binding.js';

const require = createRequire(import.meta.url);

/** The addon of this package: a local build, or the bundled prebuild. */
export function loadNative(): NativeBinding {
  const nodeGypBuild = require('node-gyp-build') as (root: string) => NativeBinding;
  return nodeGypBuild(fileURLToPath(new URL('../..', import.meta.url)));
}
