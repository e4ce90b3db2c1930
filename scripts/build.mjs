// Builds the addon with cmake-js: `npm run build:native`, binding.gyp. Needs dist/ (npm run build:js).
import { buildAddon } from '../dist/install/build.js';
import { ensureLibtorch } from '../dist/install/install.js';
import { progressPrinter } from '../dist/install/progress.js';
import { stopOnSignals } from './stop-on-signals.mjs';

const say = (text) => process.stderr.write(`svg-t2i build: ${text}\n`);
const stop = stopOnSignals();
const { signal } = stop;
try {
  const libtorch = await ensureLibtorch({ signal, onProgress: progressPrinter(say) });
  await buildAddon({ libtorch, tests: process.argv.includes('--tests'), signal, log: say });
} catch (error) {
  say(error.message);
  if (error.hint) say(`fix: ${error.hint}`);
  process.exitCode = stop.exitCode ?? 1;
}
