// Projects that depend on the packed package, and what is asked of each after its installation.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const APP = `import { writeFile } from 'node:fs/promises';
import { EMBEDDED_MODEL, SvgT2I } from 'svg-t2i';

const pipe = await SvgT2I.load({ pretrained: EMBEDDED_MODEL, threads: 1, dtype: 'fp32' });
const { images } = await pipe.generate({ prompt: 'a red circle on white', width: 64, height: 64, steps: 4 });
await writeFile('app.png', await images[0].encode('png'));
await pipe.dispose();
`;

/** A folder whose package.json depends on the tarball alone. */
export function makeProject(folder, tarball, manifest = {}) {
  mkdirSync(folder, { recursive: true });
  const dependencies = { 'svg-t2i': `file:${tarball}` };
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({
      name: 'app',
      version: '1.0.0',
      private: true,
      type: 'module',
      dependencies,
      ...manifest,
    }),
  );
  writeFileSync(join(folder, 'app.mjs'), APP);
  return folder;
}

/** The lock that `npm install` would write offline: the clone's own, without what only a clone needs. */
export function writeNpmLock(folder, tarball, root) {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  const { version, dependencies, bin, engines } = packages[''];
  const project = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const needed = Object.entries(packages).filter(
    ([name, { dev, devOptional }]) => name !== '' && !dev && !devOptional,
  );
  const lock = {
    name: project.name,
    version: project.version,
    lockfileVersion: 3,
    requires: true,
    packages: {
      '': { name: project.name, version: project.version, dependencies: project.dependencies },
      'node_modules/svg-t2i': { version, resolved: `file:${tarball}`, dependencies, bin, engines },
      ...Object.fromEntries(needed),
    },
  };
  writeFileSync(join(folder, 'package-lock.json'), JSON.stringify(lock, undefined, 2));
}

/** Empty where the program of a project drew its picture. */
export function drawProblem(machine, folder, node = ['node']) {
  const [command, ...args] = node;
  const { ok, output } = machine.run(command, [...args, 'app.mjs'], folder);
  if (!ok) return `does not draw: ${output.trim().slice(-600)}`;
  const file = join(folder, 'app.png');
  if (!existsSync(file) || !readFileSync(file).subarray(0, 4).equals(Buffer.from('\x89PNG', 'latin1')))
    return 'wrote no PNG';
  return '';
}
