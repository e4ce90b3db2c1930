// The command line is a bundle (scripts/bundle-cli.mjs): what it names beside itself must be there, and so must the licences.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';
import { MAIN } from './cli.js';

const FOLDER = fileURLToPath(new URL('bundle/', pathToFileURL(MAIN)));
const chunks = readdirSync(FOLDER).filter((name) => name.endsWith('.js'));
const read = (name: string) => readFileSync(`${FOLDER}${name}`, 'utf8');

it('names each module by the place that it has outside of the bundle', () => {
  const named = chunks.flatMap((name) =>
    [...read(name).matchAll(/new URL\("([^"]+)", import\.meta\.url\)/g)].map(([, path]) => path ?? ''),
  );
  expect(named).toContain('../../text/tokenizer-thread.js');
  for (const path of named) expect(existsSync(new URL(path, pathToFileURL(FOLDER))), path).toBe(true);
  // And what it names beside itself.
  const beside = /new URL\(['"]([^'"]+)['"], new URL\("([^"]+)", import\.meta\.url\)/g;
  const files = chunks.flatMap((name) =>
    [...read(name).matchAll(beside)].map(
      ([, file = '', path = '']) => new URL(file, new URL(path, pathToFileURL(FOLDER))),
    ),
  );
  expect(files.map(({ pathname }) => pathname)).toContainEqual(
    expect.stringMatching(/dist\/data\/image-worker\.js$/),
  );
  for (const file of files) expect(existsSync(file), file.pathname).toBe(true);
});

it('has no package in it without its licence', () => {
  const bundled = chunks.flatMap((name) =>
    [...read(name).matchAll(/^\/\/.*node_modules\/((?:@[^/]+\/)?[^/]+)\//gm)].map(([, path]) => path ?? ''),
  );
  const packages = [...new Set(bundled)].sort();
  expect(packages).toContain('zod');
  const licences = read('LICENSES.txt');
  const named = [...licences.matchAll(/^(\S+) \d+\.\d+\.\d+ \((?:MIT|ISC|Apache-2\.0)\)$/gm)];
  expect(named.map(([, name]) => name).sort()).toEqual(packages);
});
