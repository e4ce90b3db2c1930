// The two known checkers of packages: what bundlers and TypeScript would find wrong with this one.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

const bin = (name) => join(import.meta.dirname, '../../node_modules/.bin', name);

/** Name of each and what it finds wrong, as lines; none where it finds nothing. */
export function checkPackage(tarball, unpacked) {
  return Object.entries({
    publint: [unpacked, '--strict', '--pack', 'false'],
    // Only ES modules are shipped, which `require` of Node.js 20.19 takes: the one finding that is meant.
    attw: [tarball, '--ignore-rules', 'cjs-resolves-to-esm', '--no-definitely-typed', '--no-color'],
  }).map(([name, args]) => ({ name, problems: findings(name, args) }));
}

function findings(name, args) {
  try {
    execFileSync(bin(name), args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
    return [];
  } catch (error) {
    return [`${error.stdout ?? ''}${error.stderr ?? ''}`.trim() || error.message];
  }
}
