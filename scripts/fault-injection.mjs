// Kills, full disks and failing disks at every call that changes files, of the commands that write some: test/fault at all
// its places, which takes hours. `--commands train,install`, `--kinds kill,ENOSPC,EIO,full`; `--points all` also takes every
// one of the same calls in a row, as the writes of one large file, of which else the first and the last are taken.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const root = join(import.meta.dirname, '..');
const { values } = parseArgs({
  options: {
    commands: { type: 'string', default: '' },
    kinds: { type: 'string', default: 'kill,ENOSPC,EIO,full' },
    points: { type: 'string', default: 'distinct' },
  },
});
const names = values.commands.split(',').filter((name) => name !== '');
const filter = names.length === 0 ? [] : ['-t', `in (${names.join('|')}) leaves`];
const { status } = spawnSync(
  join(root, 'node_modules/.bin/vitest'),
  ['run', 'test/fault', '--reporter=verbose', '--disable-console-intercept', ...filter],
  {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, FAULT_POINTS: values.points, FAULT_KINDS: values.kinds },
  },
);
process.exitCode = status ?? 1;
