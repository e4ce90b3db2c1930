#!/usr/bin/env node
// Stands in for node-gyp when prebuildify calls `rebuild --target=... --release`: the build itself is cmake-js's,
// and an addon of Node-API needs no headers of any Node.js version.
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
await import('./build.mjs');
// prebuildify copies this folder's content beside the main addon; in a folder of its own, the loader cannot be taken
// for it.
const artifacts = join(root, 'build/artifacts');
rmSync(artifacts, { recursive: true, force: true });
cpSync(join(root, 'build/loader'), join(artifacts, 'loader'), { recursive: true });
