// Loads a prebuilt addon, and draws with it, in an empty root with the libtorch that it was built for.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { EmptyRoot } from './empty-root.mjs';
import { filesOf } from './flavours.mjs';

const root = join(import.meta.dirname, '../..');
const PACKAGE = '/app';
const PICTURE = '/home/user/picture.png';
/** What the package's code reads at run time, beside its binaries. */
const CONTENT = ['package.json', 'dist', 'configs', 'models', 'node_modules'];
const PNG = Buffer.from('\x89PNG', 'latin1');

/**
 * What is wrong, as lines; none where all is well.
 *
 * @param out folder that holds prebuilds/
 * @param say is told where this machine cannot make an empty root
 */
export function tryFlavour(flavour, libtorch, out, say) {
  const folder = mkdtempSync(join(root, 'build-root-'));
  try {
    const machine = new EmptyRoot(folder);
    if (!machine.isEmpty) {
      say(`${flavour}: not tried in an empty root, which this machine refuses: ${machine.refusal}`);
      return [];
    }
    for (const entry of CONTENT) machine.mount(join(root, entry), join(PACKAGE, entry));
    machine.mount(join(out, 'prebuilds'), join(PACKAGE, 'prebuilds'));
    const name = `${libtorch.version}+${libtorch.flavour}`;
    machine.mount(libtorch.dir, `/home/user/.cache/svg-t2i/libtorch/${name}`);
    return [...doctorProblems(machine, flavour), ...drawProblems(machine, folder)];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const command = (machine, ...args) => machine.run([`${PACKAGE}/dist/cli/main.js`, ...args]);

/** The right one of the addons is the one that loads. */
function doctorProblems(machine, flavour) {
  const { status, stdout, output } = command(machine, 'doctor', '--json');
  const findings = status === 0 ? JSON.parse(stdout).findings : [];
  const addon = findings.find(({ name }) => name === 'addon');
  const wanted = `(${PACKAGE}/${filesOf(flavour).addon})`;
  if (addon?.status === 'ok' && addon.detail.endsWith(wanted)) return [];
  return [`does not load in an empty root: ${addon?.detail ?? output.trim().slice(-600)}`];
}

function drawProblems(machine, folder) {
  const { status, output } = command(machine, 'quickstart', '--output', PICTURE);
  const file = join(folder, PICTURE);
  if (status === 0 && existsSync(file) && readFileSync(file).subarray(0, PNG.length).equals(PNG)) return [];
  return [`does not draw in an empty root: ${output.trim().slice(-600)}`];
}
