// Builds the addon with cmake-js: `npm run build:native`, binding.gyp. Needs dist/ (npm run build:js).
import { buildAddon } from '../dist/install/build.js';
import { ensureLibtorch } from '../dist/install/install.js';
import { progressPrinter } from '../dist/install/progress.js';

const say = (text) => process.stderr.write(`svg-t2i build: ${text}\n`);
try {
  const libtorch = await ensureLibtorch({ onProgress: progressPrinter(say) });
  await buildAddon({ libtorch, tests: process.argv.includes('--tests'), log: say });
} catch (error) {
  say(error.message);
  if (error.hint) say(`fix: ${error.hint}`);
  process.exitCode = 1;
}
