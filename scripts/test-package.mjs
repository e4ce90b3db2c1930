// Packs the package and uses it as its users do, on a machine without a compiler: `npm run test:package` with every
// package manager (from the npm registry) and every binary at hand, `--quick` with npm and the binary for a CPU alone.
// Ends with one line of counts.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureLibtorch } from '../dist/install/install.js';
import { findPip } from '../dist/install/pip.js';
import { checkPackage } from './package-test/checkers.mjs';
import { Machine } from './package-test/machine.mjs';
import { fetchManagers, waysToInstall } from './package-test/managers.mjs';
import { contentProblems, inventory, pack, unpack } from './package-test/pack.mjs';
import { drawProblem, makeProject, writeNpmLock } from './package-test/project.mjs';

const root = join(import.meta.dirname, '..');
const quick = process.argv.includes('--quick');
const MAX_TARBALL = 25e6;
const UNREACHABLE = /ENOTCACHED|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH/;
let passed = 0;
let failed = 0;

function report(name, problems) {
  if (problems.length === 0) passed += 1;
  else failed += 1;
  console.log(`${problems.length === 0 ? 'ok    ' : 'FAILED'} package: ${name}`);
  for (const problem of problems) console.log(`  ${problem}`);
}

const npmConfig = (key) => execFileSync('npm', ['config', 'get', key], { encoding: 'utf8' }).trim();

async function main(folder) {
  const npm = { registry: npmConfig('registry'), cache: npmConfig('cache') };
  const tarball = tryToPack(folder);
  if (tarball === undefined) return;
  const unpacked = unpack(tarball, join(folder, 'unpacked'));
  const packed = statSync(tarball).size;
  const { names, bytes } = inventory(unpacked);
  console.log(`package: ${megabytes(packed)} packed, ${megabytes(bytes)} unpacked, ${names.length} files`);
  report('size', packed <= MAX_TARBALL ? [] : [`more than ${megabytes(MAX_TARBALL)}`]);
  const { dir: libtorch } = await ensureLibtorch({ onProgress: () => undefined });
  const builder = [root, libtorch, ...(homedir() === '/' ? [] : [homedir()])];
  report('content', contentProblems(unpacked, builder));
  for (const { name, problems } of checkPackage(tarball, unpacked)) report(name, problems);
  const machine = new Machine(join(folder, 'machine'), { npm });
  if (quick) installOffline(machine, folder, tarball, { npm, libtorch });
  else installEveryWay(machine, folder, tarball, { npm, python: programOf(await findPip()) });
}

const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

/** The tarball; undefined, and reported, where there is none. */
function tryToPack(folder) {
  try {
    return pack(folder, quick ? 'cpu' : 'auto');
  } catch (error) {
    report('pack', [error.message]);
    return undefined;
  }
}

/** `npm ci` from npm's cache, which a clone's own set-up has filled; no registry is asked where all of it is there. */
function installOffline(machine, folder, tarball, { npm, libtorch }) {
  const project = makeProject(join(folder, 'npm'), tarball);
  writeNpmLock(project, tarball, root);
  const command = [npmProgram()];
  const install = machine.run(
    'node',
    [...command, 'ci', '--prefer-offline', '--no-audit', '--no-fund', '--cache', npm.cache],
    project,
  );
  if (!install.ok && UNREACHABLE.test(install.output)) {
    console.log(
      'not run: package: npm ci (the npm cache lacks a dependency, and the registry is not reached)',
    );
    return;
  }
  const rebuild = install.ok
    ? machine.run('node', [...command, 'rebuild'], project)
    : { ok: true, output: '' };
  const way = { exec: ['node', ...command, 'exec', '--'], install: ['--libtorch', libtorch] };
  report('npm ci and rebuild', afterInstall(machine, project, [install, rebuild], way));
  if (install.ok) report('commands', commandProblems(machine, project));
}

/** The npm that runs this, or the one beside Node.js. */
function npmProgram() {
  const running = process.env.npm_execpath;
  if (running?.endsWith('npm-cli.js')) return running;
  const modules = execFileSync('npm', ['root', '--global'], { encoding: 'utf8' }).trim();
  return join(modules, 'npm/bin/npm-cli.js');
}

/**
 * What is wrong after a manager has run: `svg-t2i install`, by the manager, and then a program of the project that draws.
 *
 * @param way the manager's `exec` and `start`; arguments and environment of `svg-t2i install`
 */
function afterInstall(machine, project, results, { exec, start, install = [], environment = {} }) {
  const problems = results.filter(({ ok }) => !ok).map(({ output }) => output.trim().slice(-1500));
  problems.push(...machine.takeBuildCalls().map((line) => `called ${line}`));
  if (results.some(({ output }) => /gyp (info|ERR)|svg-t2i build:|svg-t2i setup:/.test(output)))
    problems.push('ran a build');
  if (existsSync(join(project, 'node_modules/svg-t2i/build-cmake'))) problems.push('has begun to compile');
  if (!results.every(({ ok }) => ok)) return problems;
  const [command, ...args] = [...exec, 'svg-t2i', 'install', ...install];
  const { ok, output } = machine.run(command, args, project, environment);
  if (!ok) return [...problems, `svg-t2i install failed: ${output.trim().slice(-600)}`];
  problems.push(...machine.takeBuildCalls().map((line) => `svg-t2i install called ${line}`));
  problems.push(drawProblem(machine, project, start));
  return problems.filter((problem) => problem !== '');
}

/** The command of the installed package: arguments, exit code, what it prints. */
const COMMANDS = [
  [['--version'], 0, /^svg-t2i \d/m],
  [['doctor'], 0, /ok +addon: loads/],
  [['selftest'], 0, /^[1-9]\d* passed, 0 failed/m],
  [['quickstart'], 0, /\.png/],
  [['build', '--tests'], 2, /no part of the package/],
];

function commandProblems(machine, project) {
  const main = join(project, 'node_modules/svg-t2i/dist/cli/main.js');
  return COMMANDS.flatMap(([args, code, wanted]) => {
    const { status, output } = machine.run('node', [main, ...args], project);
    if (status === code && wanted.test(output)) return [];
    return [`svg-t2i ${args.join(' ')} ended with ${status}: ${output.trim().slice(-600)}`];
  });
}

/** The program itself of a Python, which may be a script that needs others on PATH. */
function programOf(python) {
  return execFileSync(python, ['-c', 'import sys; print(sys.executable)'], { encoding: 'utf8' }).trim();
}

/** The first way fetches libtorch, where the official archive is out of reach with this machine's pip; all use it. */
function installEveryWay(machine, folder, tarball, { npm, python }) {
  const ways = waysToInstall(fetchManagers(join(folder, 'managers'), npm));
  const pip = Object.entries(process.env).filter(([key]) => key.startsWith('PIP_'));
  const environment = { ...Object.fromEntries(pip), SVG_T2I_PYTHON: python };
  for (const [name, { commands, files = {}, manifest, exec, start }] of Object.entries(ways)) {
    const project = makeProject(join(folder, 'projects', name.replaceAll(/\W+/g, '-')), tarball, manifest);
    for (const [file, text] of Object.entries(files)) writeFileSync(join(project, file), text);
    const results = [];
    for (const [command, ...args] of commands) {
      results.push(machine.run(command, args, project));
      if (!results.at(-1).ok) break;
    }
    report(name, afterInstall(machine, project, results, { exec, start, environment }));
    rmSync(join(project, 'node_modules'), { recursive: true, force: true });
  }
}

const folder = mkdtempSync(join(tmpdir(), 'svg-t2i-package-'));
try {
  await main(folder);
} finally {
  if (process.env.SVG_T2I_KEEP === undefined) rmSync(folder, { recursive: true, force: true });
}
console.log(`${passed} passed, ${failed} failed`);
if (failed > 0) process.exitCode = 1;
