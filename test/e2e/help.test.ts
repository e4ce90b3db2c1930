// A help takes no schemas, no pictures and no libtorch: what is imported is held to that, since time depends on the machine.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { MAIN, run } from './cli.js';

const TELLER = fileURLToPath(new URL('fixtures/tell-imports.mjs', import.meta.url));

/** The modules of a command line, from the package's folder on. */
async function importsOf(args: readonly string[]): Promise<readonly string[]> {
  const { stderr } = await promisify(execFile)(process.execPath, ['--import', TELLER, MAIN, ...args]);
  return stderr.split('\n').flatMap((line) => /\/((?:dist|node_modules)\/.*)$/.exec(line)?.[1] ?? []);
}

it.each([
  [['--help']],
  [['sample', '--help']],
  [['serve', '-h']],
  [['train', 'dit', '--help']],
  [['help', 'eval', 'imagenet']],
])('%j reads commander and little else', async (args) => {
  const imported = await importsOf(args);
  expect(imported).toContain('dist/cli/program.js');
  const packages = imported.flatMap((path) => /^node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []);
  expect([...new Set(packages)].sort()).toEqual(['node_modules/commander', 'node_modules/picocolors']);
  expect(imported.filter((path) => path.startsWith('dist/')).length).toBeLessThan(30);
});

it('a value that looks like a wish for help is a value', async () => {
  const { code, stderr } = await run(['sample', 'help', '--set', 'sample.steps=-1']);
  expect(code).toBe(2);
  expect(stderr).toContain('sample.steps');
});
