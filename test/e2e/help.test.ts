// A help takes no schemas, no pictures and no libtorch: what is imported is held to that, since time depends on the machine.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { MAIN, run } from './cli.js';

const TELLER = fileURLToPath(new URL('fixtures/tell-imports.mjs', import.meta.url));

/** Where scripts/bundle-cli.mjs puts the command line: a file for each package, and groups of our own modules. */
const BUNDLE = 'dist/cli/bundle/';

/** The modules of a command line, in the order of their reading, from the package's folder on. */
async function importsOf(args: readonly string[]): Promise<readonly string[]> {
  const told = promisify(execFile)(process.execPath, ['--import', TELLER, MAIN, ...args]);
  const { stderr } = await told.catch((error: { readonly stderr: string }) => error);
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
  expect(imported).toContain(`${BUNDLE}commander.js`);
  for (const other of ['open', 'zod', 'yaml', 'tokenizers', 'draw']) {
    expect(imported).not.toContain(`${BUNDLE}${other}.js`);
  }
  expect(imported.filter((path) => path.startsWith('node_modules/'))).toEqual([]);
  expect(imported.length).toBeLessThan(10);
});

it('to draw begins to open libtorch before the schemas are read, and reads no module that is not bundled', async () => {
  const imported = await importsOf(['sample', 'a fox', '--steps', '-1']);
  const read = (name: string) => imported.indexOf(`${BUNDLE}${name}.js`);
  expect(read('open')).toBeGreaterThan(0);
  expect(read('open')).toBeLessThan(6);
  for (const later of ['commander', 'zod', 'yaml', 'draw']) expect(read(later)).toBeGreaterThan(read('open'));
  expect(imported.filter((path) => !path.startsWith(BUNDLE))).toEqual(['dist/cli/main.js']);
});

it('a value that looks like a wish for help is a value', async () => {
  const { code, stderr } = await run(['sample', 'help', '--set', 'sample.steps=-1']);
  expect(code).toBe(2);
  expect(stderr).toContain('sample.steps');
});
