#!/usr/bin/env node
// Stands in for node-gyp when prebuildify calls `rebuild --target=... --release`: the build itself is cmake-js's,
// and an addon of Node-API needs no headers of any Node.js version.
import './build.mjs';
