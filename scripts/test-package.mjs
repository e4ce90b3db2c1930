// Packs the package and uses it as its users do, on a machine without a compiler: `npm run test:package` with every
// package manager (from the npm registry), `--quick` with npm alone. Ends with one line of counts.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureLibtorch } from '../dist/install/install.js';
import { Machine } from './package-test/machine.mjs';
import { fetchManagers, waysToInstall } from './package-test/managers.mjs';
import { contentProblems, pack, unpack } from './package-test/pack.mjs';
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
  const { dir: libtorch } = await ensureLibtorch({ onProgress: () => undefined });
  const npm = { registry: npmConfig('registry'), cache: npmConfig('cache') };
  const tarball = tryToPack(folder);
  if (tarball === undefined) return;
  const size = execFileSync('stat', ['-c', '%s', tarball], { encoding: 'utf8' });
  report('size', Number(size) <= MAX_TARBALL ? [] : [`the tarball has ${size.trim()} bytes`]);
  const unpacked = unpack(tarball, join(folder, 'unpacked'));
  const builder = [root, libtorch, ...(homedir() === '/' ? [] : [homedir()])];
  report('content', contentProblems(unpacked, builder));
  const machine = new Machine(join(folder, 'machine'), { libtorch, npm });
  if (quick) installOffline(machine, folder, tarball, npm);
  else {
    checkTypes(tarball, unpacked);
    installEveryWay(machine, folder, tarball, npm);
  }
}

/** The tarball; undefined, and reported, where there is none. */
function tryToPack(folder) {
  try {
    return pack(folder);
  } catch (error) {
    report('pack', [error.message]);
    return undefined;
  }
}

/** `npm ci` from npm's cache, which a clone's own set-up has filled; no registry is asked where all of it is there. */
function installOffline(machine, folder, tarball, npm) {
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
  report('npm ci and rebuild', afterInstall(machine, project, [install, rebuild]));
  if (install.ok) report('commands', commandProblems(machine, project));
}

/** The npm that runs this, or the one beside Node.js. */
function npmProgram() {
  const running = process.env.npm_execpath;
  if (running?.endsWith('npm-cli.js')) return running;
  const modules = execFileSync('npm', ['root', '--global'], { encoding: 'utf8' }).trim();
  return join(modules, 'npm/bin/npm-cli.js');
}

function afterInstall(machine, project, results, start) {
  const problems = results.filter(({ ok }) => !ok).map(({ output }) => output.trim().slice(-1500));
  problems.push(...machine.takeBuildCalls().map((line) => `called ${line}`));
  if (results.some(({ output }) => /gyp (info|ERR)|svg-t2i build:|svg-t2i setup:/.test(output)))
    problems.push('ran a build');
  if (existsSync(join(project, 'node_modules/svg-t2i/build-cmake'))) problems.push('has begun to compile');
  if (results.every(({ ok }) => ok)) problems.push(drawProblem(machine, project, start));
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

/** What the two known checkers of packages say. Only ES modules are shipped, which `require` of Node.js 20.19 takes. */
function checkTypes(tarball, unpacked) {
  const checkers = [
    ['publint', ['--yes', 'publint@0.3.25', unpacked, '--strict', '--pack', 'false']],
    [
      'attw',
      [
        '--yes',
        '@arethetypeswrong/cli@0.18.5',
        tarball,
        '--ignore-rules',
        'cjs-resolves-to-esm',
        '--no-color',
      ],
    ],
  ];
  for (const [name, args] of checkers) {
    try {
      execFileSync('npx', args, { cwd: tmpdir(), encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
      report(name, []);
    } catch (error) {
      report(name, [`${error.stdout ?? ''}${error.stderr ?? ''}`.trim() || error.message]);
    }
  }
}

function installEveryWay(machine, folder, tarball, npm) {
  const ways = waysToInstall(fetchManagers(join(folder, 'managers'), npm));
  for (const [name, { commands, files = {}, manifest, start }] of Object.entries(ways)) {
    const project = makeProject(join(folder, 'projects', name.replaceAll(/\W+/g, '-')), tarball, manifest);
    for (const [file, text] of Object.entries(files)) writeFileSync(join(project, file), text);
    const results = [];
    for (const [command, ...args] of commands) {
      results.push(machine.run(command, args, project));
      if (!results.at(-1).ok) break;
    }
    report(name, afterInstall(machine, project, results, start));
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
