/** `quickstart` on a machine without libtorch: it is offered, and fetched only where somebody agrees. */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { PACKAGE_ROOT } from '../../lib/install/paths.js';
import { type FakePip, fakePip } from '../unit/install/fake-pip.js';
import { libtorchFiles, temporaryFolder } from '../unit/install/fixtures.js';
import { jsonLines, MAIN, run } from './cli.js';

let folder: string;
let env: Record<string, string>;
let pip: FakePip;
let name: string;

beforeEach(() => {
  folder = temporaryFolder();
  // The addon of this clone as a package has it: without the path of the libtorch that it was built against.
  const built = join(PACKAGE_ROOT, 'build');
  mkdirSync(join(folder, 'package/build/Release'), { recursive: true });
  cpSync(join(built, 'loader'), join(folder, 'package/build/loader'), { recursive: true });
  writeFileSync(join(folder, 'package/build/Release/svg-t2i.node'), '');
  const infoFile = join(folder, 'package/build/loader/build-info.json');
  const { torch, flavour } = JSON.parse(readFileSync(infoFile, 'utf8'));
  writeFileSync(infoFile, JSON.stringify({ torch, flavour: 'cpu' }));
  name = `${torch}+cpu`;
  const files = Object.fromEntries(
    Object.entries(libtorchFiles(torch)).map(([path, text]) => [`torch/${path}`, text]),
  );
  pip = fakePip(folder, { [`torch==${name}`]: { file: `torch-${torch}-cp311-linux_x86_64.whl`, files } });
  expect(flavour).toBeTypeOf('string');
  env = {
    SVG_T2I_PREBUILD: join(folder, 'package'),
    SVG_T2I_HOME: join(folder, 'home'),
    SVG_T2I_PYTHON: pip.python,
    SVG_T2I_LIBTORCH: '',
    LIBTORCH: '',
    LIBTORCH_USE_PYTORCH: '',
    // No server is reached.
    HTTPS_PROXY: 'http://127.0.0.1:9',
    NO_PROXY: '',
  };
});

it('without a terminal tells the command, and fetches nothing', async () => {
  const { code, stderr } = await run(['quickstart'], { cwd: folder, env });
  expect(code).toBe(3);
  expect(stderr).toContain('no fitting libtorch. Found: none.');
  expect(stderr).toContain('npx svg-t2i quickstart --yes');
  expect(stderr).toContain('ERR_SVGT2I_LIBTORCH_MISSING');
  expect(pip.calls()).toEqual([]);
  const finished = await run(['quickstart', '--json'], { cwd: folder, env });
  expect(jsonLines(finished)).toMatchObject([{ type: 'error', code: 'ERR_SVGT2I_LIBTORCH_MISSING' }]);
  expect(existsSync(join(folder, 'home'))).toBe(false);
});

it('with --yes says what it fetches, fetches it, and goes on', async () => {
  const { code, stderr } = await run(['quickstart', '--yes'], { cwd: folder, env });
  expect(stderr).toMatch(
    new RegExp(
      `fetching libtorch ${name.replace('+', ' for ')} \\(1 MB, by pip download .*\\) into .*home/libtorch`,
    ),
  );
  expect(readdirSync(join(folder, 'home/libtorch'))).toEqual([name]);
  // What the pip of this test has is no library that can be opened.
  expect({ code, stderr }).toMatchObject({ code: 3, stderr: expect.stringContaining('does not load') });
});

const hasScript = spawnSync('script', ['--version']).status === 0;
if (!hasScript) console.log('not run: quickstart on a terminal (there is no `script` of util-linux)');

it.runIf(hasScript).each([
  ['n', false],
  ['', true],
])('on a terminal asks: %j', (answer, isFetched) => {
  const command = `${process.execPath} ${MAIN} quickstart`;
  const { stdout } = spawnSync('script', ['-qec', command, '/dev/null'], {
    cwd: folder,
    env: { ...process.env, ...env, NO_COLOR: '1' },
    input: `${answer}\n`,
    encoding: 'utf8',
  });
  expect(stdout).toContain(`Fetch libtorch ${name.replace('+', ' for ')} (1 MB, by pip download`);
  expect(existsSync(join(folder, 'home/libtorch', name))).toBe(isFetched);
});
