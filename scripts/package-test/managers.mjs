// Package managers as their own registry packages, at pinned versions, and the ways they install a project.
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const PINNED = {
  npm: '11.19.1',
  pnpm: '12.21.0',
  yarn: '1.22.22',
  '@yarnpkg/cli-dist': '4.18.1',
  '@oven/bun-linux-x64': '1.4.5',
};
/** Needs only AVX's absence; the other one needs AVX2. */
const BUN = '@oven/bun-linux-x64/bin/bun';

/** Fetches the managers into a folder; nothing of theirs runs. */
export function fetchManagers(folder, npm) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, dependencies: PINNED }));
  execFileSync(
    'npm',
    ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', '--cache', npm.cache],
    {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'inherit'],
    },
  );
  const file = (path) => join(folder, 'node_modules', path);
  return {
    npm: ['node', file('npm/bin/npm-cli.js')],
    pnpm: ['node', file('pnpm/bin/pnpm.mjs')],
    yarn: ['node', file('yarn/bin/yarn.js')],
    berry: ['node', file('@yarnpkg/cli-dist/bin/yarn.js')],
    bun: [file(BUN)],
  };
}

const quietNpm = ['--no-audit', '--no-fund', '--prefer-offline'];

/**
 * Ways to install: commands in order, files that a project needs for it, how the manager runs the commands of packages
 * (`exec`), and how a program of the project is started.
 */
export function waysToInstall(managers) {
  const { npm, pnpm, yarn, berry, bun } = managers;
  const [npx, pnpmExec, yarnRun] = [
    [...npm, 'exec', '--'],
    [...pnpm, 'exec'],
    [...yarn, 'run', '--silent'],
  ];
  const berryProject = (linker, scripts) => ({
    commands: [[...berry, 'install']],
    files: { '.yarnrc.yml': `nodeLinker: ${linker}\nenableScripts: ${scripts}\n`, 'yarn.lock': '' },
    exec: [...berry, 'run'],
    start: [...berry, 'node'],
  });
  return {
    'npm install, ci, rebuild': {
      commands: [
        [...npm, 'install', ...quietNpm],
        [...npm, 'ci', ...quietNpm],
        [...npm, 'rebuild'],
      ],
      exec: npx,
    },
    'npm install, ci without scripts': {
      commands: [
        [...npm, 'install', '--ignore-scripts', ...quietNpm],
        [...npm, 'ci', '--ignore-scripts', ...quietNpm],
      ],
      exec: npx,
    },
    'pnpm install': { commands: [[...pnpm, 'install']], exec: pnpmExec },
    'pnpm install with all scripts': {
      commands: [
        [...pnpm, 'install', '--config.dangerouslyAllowAllBuilds=true'],
        [...pnpm, 'rebuild'],
      ],
      files: { 'pnpm-workspace.yaml': 'dangerouslyAllowAllBuilds: true\n' },
      exec: pnpmExec,
    },
    'yarn 1 install': { commands: [[...yarn, 'install', '--non-interactive']], exec: yarnRun },
    'yarn 1 install without scripts': {
      commands: [[...yarn, 'install', '--non-interactive', '--ignore-scripts']],
      exec: yarnRun,
    },
    'yarn 4 node-modules': berryProject('node-modules', false),
    'yarn 4 node-modules with scripts': berryProject('node-modules', true),
    'yarn 4 PnP': berryProject('pnp', false),
    'yarn 4 PnP with scripts': berryProject('pnp', true),
    'bun install': { commands: [[...bun, 'install']], exec: [...bun, 'x', '--no-install'], start: bun },
    'bun install with scripts': {
      commands: [[...bun, 'install']],
      manifest: { trustedDependencies: ['svg-t2i', 'sharp'] },
      exec: [...bun, 'x', '--no-install'],
    },
  };
}
