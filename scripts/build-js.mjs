// lib/ to dist/: TypeScript is compiled, and what browsers read (the server's page, a report's style and script) goes
// beside it as it is. The outlines of all commands are written, from which the command line prints a help, and last the
// command line is bundled.
import { spawnSync } from 'node:child_process';
import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundleCommandLine } from './bundle-cli.mjs';

const root = join(import.meta.dirname, '..');
const AS_THEY_ARE = ['serve/page', 'eval/html/page'];

const { status } = spawnSync(
  process.execPath,
  [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.json'],
  { cwd: root, stdio: 'inherit' },
);
if (status !== 0) process.exit(status ?? 1);
for (const folder of AS_THEY_ARE) {
  const to = join(root, 'dist', folder);
  rmSync(to, { recursive: true, force: true });
  cpSync(join(root, 'lib', folder), to, { recursive: true, filter: (path) => !path.endsWith('.d.ts') });
}

const { allOutlines, OUTLINES_FILE } = await import('../dist/cli/command-outlines.js');
writeFileSync(OUTLINES_FILE, JSON.stringify(await allOutlines()));
await bundleCommandLine();
