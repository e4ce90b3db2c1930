// Every test, after `setup.mjs --tests`: checks, native tests, golden cases, vitest. Ends with one line of counts.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const bin = (name) => join(root, 'node_modules/.bin', name);
const nativeTests = join(root, 'build/tests/svg_native_tests');
let passed = 0;
let failed = 0;

function count(name, good, bad) {
  passed += good;
  failed += bad;
  console.log(`${bad === 0 ? 'ok    ' : 'FAILED'} ${name} (${good} passed, ${bad} failed)`);
}

function run(command, args, options = {}) {
  return spawnSync(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], ...options });
}

/** A check counts as one test. */
function check(name, command, args) {
  const { status } = run(command, args);
  count(name, status === 0 ? 1 : 0, status === 0 ? 0 : 1);
}

function runChecks() {
  check('biome', bin('biome'), ['check', '.']);
  check('clang-format', process.execPath, ['scripts/check-format.mjs']);
  check('layers', process.execPath, ['scripts/check-layers.mjs']);
  check('types', bin('tsc'), ['-p', 'tsconfig.test.json']);
  runCudaCheck();
}

// Compiles the .cu files; needs nvcc but no GPU.
function runCudaCheck() {
  if (spawnSync('nvcc', ['--version']).status !== 0) {
    console.log('not run: CUDA compile check (no nvcc on PATH)');
    return;
  }
  const targets = spawnSync('cmake', ['--build', 'build-cmake', '--target', 'help'], {
    cwd: root,
    encoding: 'utf8',
  });
  if (!/\bsvg_cuda_check\b/.test(targets.stdout ?? '')) {
    console.log('not run: CUDA compile check (the build has no such target)');
    return;
  }
  check('CUDA compile check', 'cmake', ['--build', 'build-cmake', '--target', 'svg_cuda_check']);
}

function runNativeTests() {
  const { status, signal, stdout } = run(nativeTests, [], {
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
  });
  const summary = /(\d+) passed, (\d+) failed\s*$/.exec(stdout ?? '');
  process.stdout.write(stdout?.slice(0, summary?.index) ?? '');
  // Without its summary line the program has crashed.
  if (summary === null) {
    console.log(`the native tests ended by ${signal ?? `exit code ${status}`}`);
    count('native tests', 0, 1);
  } else count('native tests', Number(summary[1]), status === 0 ? 0 : Math.max(1, Number(summary[2])));
}

// Through the command line, as every user runs them: native modules and those in TypeScript.
function runGoldenCases() {
  const { stdout } = run(
    process.execPath,
    ['dist/cli/main.js', 'selftest', '--cases', 'test/golden', '--json'],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
      encoding: 'utf8',
    },
  );
  const report = (stdout ?? '').trim();
  const cases = report.startsWith('{') ? (JSON.parse(report).cases ?? []) : [];
  const bad = cases.filter(({ status }) => status !== 'passed');
  for (const { name, status, message } of bad) console.log(`${status}: ${name}: ${message}`);
  // No cases at all: the command has failed.
  count('golden cases', cases.length - bad.length, cases.length === 0 ? 1 : bad.length);
}

function runVitest() {
  const report = join(root, 'build/vitest.json');
  rmSync(report, { force: true });
  const { status } = run(bin('vitest'), [
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
  ]);
  if (!existsSync(report)) {
    count('vitest', 0, 1);
    return;
  }
  const { numPassedTests, numFailedTests } = JSON.parse(readFileSync(report, 'utf8'));
  // A file that does not even load has no failed tests, but vitest's status tells.
  count('vitest', numPassedTests, status === 0 ? 0 : Math.max(1, numFailedTests));
}

runChecks();
runNativeTests();
runGoldenCases();
runVitest();
process.exitCode = failed === 0 ? 0 : 1;
console.log(`${passed} passed, ${failed} failed`);
