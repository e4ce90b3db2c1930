// Every test, after `setup.mjs --tests`: checks, native tests, golden cases, vitest, the package. Ends with the names of
// the tests that failed and one line of counts.
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { goldenFailures, nativeFailures, packageFailures, vitestFailures } from './test-reports.mjs';

const root = join(import.meta.dirname, '..');
const bin = (name) => join(root, 'node_modules/.bin', name);
const nativeTests = join(root, 'build/tests/svg_native_tests');
let passed = 0;
/** "suite: test" of every failure. */
const failures = [];

function count(suite, good, bad) {
  passed += good;
  failures.push(...bad.map((name) => (name === suite ? name : `${suite}: ${name}`)));
  console.log(`${bad.length === 0 ? 'ok    ' : 'FAILED'} ${suite} (${good} passed, ${bad.length} failed)`);
}

function run(command, args, options = {}) {
  return spawnSync(command, args, {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    encoding: 'utf8',
    maxBuffer: 256 * 1024 ** 2,
    ...options,
  });
}

/** A check counts as one test. */
function check(name, command, args) {
  const { status } = run(command, args);
  count(name, status === 0 ? 1 : 0, status === 0 ? [] : [name]);
}

function runChecks() {
  check('biome', bin('biome'), ['check', '.']);
  check('clang-format', process.execPath, ['scripts/check-format.mjs']);
  check('layers', process.execPath, ['scripts/check-layers.mjs']);
  check('types', bin('tsc'), ['-p', 'tsconfig.test.json']);
  check('types of the page', bin('tsc'), ['-p', 'tsconfig.page.json']);
  check('symbols', process.execPath, ['scripts/check-symbols.mjs']);
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
  const result = run(nativeTests, [], { stdio: ['ignore', 'pipe', 'pipe'] });
  process.stdout.write(result.stdout ?? '');
  process.stderr.write(result.stderr ?? '');
  const { good, bad } = nativeFailures(result);
  count('native tests', good, bad);
}

// Through the command line, as every user runs them: native modules and those in TypeScript.
function runGoldenCases() {
  const command = ['dist/cli/main.js', 'selftest', '--cases', 'test/golden', '--json'];
  const { stdout } = run(process.execPath, command, { stdio: ['ignore', 'pipe', 'inherit'] });
  const { good, bad, lines } = goldenFailures(stdout ?? '');
  for (const line of lines) console.log(line);
  count('golden cases', good, bad);
}

function runVitest() {
  const report = join(root, 'build/vitest.json');
  rmSync(report, { force: true });
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const { status, signal } = run(bin('vitest'), ['run', ...reporters]);
  const { good, bad } = vitestFailures(existsSync(report) ? report : undefined, root, status, signal);
  count('vitest', good, bad);
}

function runPackage() {
  const { stdout, status } = run(process.execPath, ['scripts/test-package.mjs', '--quick'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  process.stdout.write(stdout ?? '');
  const { good, bad } = packageFailures(stdout ?? '', status);
  count('package', good, bad);
}

runChecks();
runNativeTests();
runGoldenCases();
runVitest();
runPackage();
for (const name of failures) console.log(`failed: ${name}`);
process.exitCode = failures.length === 0 ? 0 : 1;
console.log(`${passed} passed, ${failures.length} failed`);
