// Holds `serve` against the clients themselves: fetches those of test/clients/package.json and of PyPI, each once, and runs
// test/clients with all of them. `npm test` runs the part that needs no fetching.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const clients = join(root, 'test/clients');
const python = join(root, 'build/test-clients/python');
/** What test/clients/python/drive.py imports. */
const PYPI = ['openai==3.57.0', 'litellm==1.110.2'];
/** What else is installed on this machine is not concerned. */
const QUIET = ['--quiet', '--no-warn-conflicts', '--root-user-action=ignore'];

function run(command, args, options = {}) {
  const { status } = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options });
  if (status === 0) return;
  console.error(`svg-t2i: ${command} ${args[0]} failed`);
  process.exit(status ?? 1);
}

/** Runs `fetch` where what is wanted is not what was fetched. */
function once(folder, wanted, fetch) {
  const stamp = join(folder, '.fetched');
  const mark = createHash('sha256').update(wanted).digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === mark) return;
  fetch();
  writeFileSync(stamp, mark);
}

mkdirSync(python, { recursive: true });
const modules = join(clients, 'node_modules');
mkdirSync(modules, { recursive: true });
once(modules, readFileSync(join(clients, 'package.json')), () =>
  run('npm', [
    'install',
    '--prefix',
    clients,
    '--no-package-lock',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
  ]),
);
once(python, PYPI.join(), () => {
  rmSync(python, { recursive: true, force: true });
  run('python3', ['-m', 'pip', 'install', ...QUIET, '--target', python, ...PYPI]);
});
run(join(root, 'node_modules/.bin/vitest'), ['run', 'test/clients', ...process.argv.slice(2)], {
  env: { ...process.env, SVG_T2I_TEST_CLIENTS: 'all' },
});
