// A root folder like that of an empty container: Node.js with the system libraries that it loads itself, a home without
// files, and what is put into it. No shell, no PATH, no compiler, no Python, no network.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';

const HOME = '/home/user';
/** glibc's own, which are where it is; sharp asks for libresolv. */
const OF_GLIBC = [
  'libdl.so.2',
  'libm.so.6',
  'libpthread.so.0',
  'libresolv.so.2',
  'librt.so.1',
  'libutil.so.1',
];
// Everything is mounted, nothing copied: libtorch alone may have 4 GB. The mounts go with the process.
const SCRIPT = `root=$1; chroot=$2; shift 2
while [ "$1" != -- ]; do mount --rbind "$1" "$root$2" || exit 125; shift 2; done
shift
exec env -i HOME=${HOME} "$chroot" "$root" /node "$@"`;
const NAMESPACES = [
  ['unshare', '--mount', '--net'],
  ['unshare', '--user', '--map-root-user', '--mount', '--net'],
];
const LIMIT_MS = 600_000;

export class EmptyRoot {
  #folder;
  #mounts = [];
  /** Program that makes the namespaces; undefined where this machine lets nobody. */
  #namespace;
  /** Why not, in the words of the system. */
  refusal;

  /** @param folder empty; it is filled with mount points, and may be removed after each run */
  constructor(folder) {
    this.#folder = folder;
    mkdirSync(join(folder, HOME), { recursive: true });
    this.mount(process.execPath, '/node');
    for (const file of systemLibraries()) this.mount(file, file);
    for (const place of ['/proc', '/dev']) this.mount(place, place);
    for (const namespace of NAMESPACES) {
      const { status, output } = this.#start(namespace, ['--version']);
      if (status === 0) this.#namespace = namespace;
      else this.refusal ??= output.trim().split('\n')[0];
      if (status === 0) break;
    }
  }

  /** Whether programs see the root alone. */
  get isEmpty() {
    return this.#namespace !== undefined;
  }

  /** Shows a file or folder of this machine in the root. */
  mount(source, target) {
    const point = join(this.#folder, target);
    if (statSync(source).isDirectory()) mkdirSync(point, { recursive: true });
    else {
      mkdirSync(dirname(point), { recursive: true });
      writeFileSync(point, '');
    }
    this.#mounts.push(source, target);
  }

  /** Runs Node.js in the root, in the folder /; returns its status and all that it printed. */
  run(args) {
    if (this.#namespace === undefined) throw new Error(`no empty root: ${this.refusal}`);
    return this.#start(this.#namespace, args);
  }

  #start([command, ...options], args) {
    const script = ['sh', '-c', SCRIPT, 'sh', this.#folder, onPath('chroot'), ...this.#mounts, '--'];
    const { status, stdout, stderr, error } = spawnSync(command, [...options, ...script, ...args], {
      encoding: 'utf8',
      timeout: LIMIT_MS,
      maxBuffer: 64 * 1024 ** 2,
    });
    return { status, stdout: stdout ?? '', output: `${stdout ?? ''}${stderr ?? ''}${error?.message ?? ''}` };
  }
}

/** The dynamic linker, the libraries that Node.js asks for, and the rest of glibc. */
function systemLibraries() {
  const { stdout } = spawnSync('ldd', [process.execPath], { encoding: 'utf8' });
  const files = [...stdout.matchAll(/(\/\S+) \(0x/g)].map(([, file]) => file);
  const libc = files.find((file) => /\/libc\.so/.test(file));
  const beside = libc === undefined ? [] : OF_GLIBC.map((name) => join(dirname(libc), name));
  return [...new Set([...files, ...beside.filter((file) => existsSync(file))])];
}

function onPath(name) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return folders.map((folder) => join(folder, name)).find((file) => existsSync(file)) ?? name;
}
