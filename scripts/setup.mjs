// All set-up of a fresh clone: dependencies, TypeScript, libtorch, the addon; with --tests the native tests too.
// Plain Node without dependencies, since node_modules is the first thing that it makes.
// Each step is skipped in milliseconds when nothing that it depends on has changed; only the first run needs a network.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withLock } from '../lib/lock/lock.mjs';
import { restoreManifest } from './manifest.mjs';
import { stopOnSignals } from './stop-on-signals.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const withTests = process.argv.includes('--tests');
const stop = stopOnSignals();
/** Two builds after one another, on a slow machine. */
const LOCK_WAIT_MS = 2 * 3600_000;

class SetupError extends Error {
  constructor(message, hint) {
    super(message);
    this.hint = hint;
  }
}

function say(text) {
  process.stderr.write(`svg-t2i setup: ${text}\n`);
}

/** Not spawnSync: the lock is refreshed meanwhile. */
async function run(command, args, failure) {
  const child = spawn(command, args, { cwd: root, stdio: ['ignore', 2, 2], signal: stop.signal });
  const code = await new Promise((resolve, reject) => {
    child.once('close', resolve);
    child.once('error', (error) => {
      if (error.code === 'ENOENT') reject(new SetupError(`${command} is not on PATH`, failure.hint));
      else if (error.name !== 'AbortError') reject(error);
    });
  });
  stop.signal.throwIfAborted();
  if (code !== 0) throw new SetupError(failure.message, failure.hint);
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  throw new SetupError(`Node.js ${process.versions.node} is too old`, 'Use Node.js 20.19 or newer.');
}

function readIfPresent(file) {
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

async function installDependencies() {
  const lock = join(root, 'package-lock.json');
  const installed = join(root, 'node_modules/.package-lock.json');
  const stampFile = join(root, 'node_modules/.svg-t2i-lock');
  const stamp = createHash('sha256').update(readFileSync(lock)).digest('hex');
  if (existsSync(installed) && readIfPresent(stampFile) === stamp) return;
  // Somebody else's `npm ci` of this lock file counts too.
  if (!existsSync(installed) || statSync(installed).mtimeMs < statSync(lock).mtimeMs) {
    say('installing the npm dependencies');
    await run('npm', ['ci', '--prefer-offline', '--no-audit', '--no-fund'], {
      message: 'npm ci failed (see above)',
      hint: 'Check the network or the npm registry settings, then run it again.',
    });
  }
  writeFileSync(stampFile, stamp);
}

/** Names, sizes and times of all files below a folder: changes when any file does. */
function fingerprint(folder) {
  const hash = createHash('sha256');
  const visit = (path) => {
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      const child = join(path, entry.name);
      if (entry.isDirectory()) {
        visit(child);
        continue;
      }
      const { size, mtimeMs } = statSync(child);
      hash.update(`${child}\0${size}\0${mtimeMs}\n`);
    }
  };
  visit(folder);
  return hash;
}

async function compileTypeScript() {
  const stampFile = join(root, 'dist/.stamp');
  const stamp = fingerprint(join(root, 'lib'))
    .update(readFileSync(join(root, 'tsconfig.json')))
    .update(readFileSync(join(root, 'scripts/build-js.mjs')))
    .update(readFileSync(join(root, 'scripts/bundle-cli.mjs')))
    .update(readFileSync(join(root, 'node_modules/.svg-t2i-lock')))
    .digest('hex');
  if (readIfPresent(stampFile) === stamp) return;
  say('compiling lib/ to dist/');
  // From nothing, so that no module of a file that is gone stays behind.
  rmSync(join(root, 'dist'), { recursive: true, force: true });
  await run(process.execPath, [join(root, 'scripts/build-js.mjs')], {
    message: 'tsc reports errors (see above)',
    hint: 'Mend the TypeScript errors, then run it again.',
  });
  writeFileSync(stampFile, stamp);
}

/** Tests of the page want a browser, which is the machine's own to install. */
function lookForBrowser() {
  const folders = (process.env.PATH ?? '').split(delimiter);
  const names = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome'];
  if (process.env.SVG_T2I_CHROMIUM || names.some((name) => folders.some((at) => existsSync(join(at, name)))))
    return;
  say('no chromium: the tests of the page are skipped (apt-get install chromium)');
}

async function prepareNative() {
  const { ensureLibtorch } = await import('../dist/install/install.js');
  const { buildAddon } = await import('../dist/install/build.js');
  const { progressPrinter } = await import('../dist/install/progress.js');
  const { signal } = stop;
  const libtorch = await ensureLibtorch({ signal, onProgress: progressPrinter(say) });
  await buildAddon({ libtorch, tests: withTests, signal, log: say });
}

async function main() {
  checkNode();
  const start = performance.now();
  mkdirSync(join(root, 'build'), { recursive: true });
  const locking = {
    what: 'the set-up',
    waitMs: LOCK_WAIT_MS,
    hint: 'End that process if it hangs, and run it again.',
    signal: stop.signal,
    onWait: say,
    onWarning: say,
  };
  await withLock(join(root, 'build/.setup-lock'), locking, async () => {
    restoreManifest();
    await installDependencies();
    await compileTypeScript();
    await prepareNative();
    if (withTests) lookForBrowser();
  });
  say(`ready (${((performance.now() - start) / 1000).toFixed(1)} s)`);
}

try {
  await main();
} catch (error) {
  say(stop.signal.aborted ? error.message : `failed: ${error.message}`);
  if (error.hint) say(`fix: ${error.hint}`);
  if (!error.hint && !error.code) console.error(error.stack);
  process.exitCode = stop.exitCode ?? 1;
}
