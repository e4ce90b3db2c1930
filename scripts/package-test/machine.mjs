// A user's machine without a compiler and without libtorch: programs that would build leave a line in a log and fail.
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const BUILD_TOOLS =
  'cc c++ gcc g++ clang clang++ ld nvcc make gmake cmake ninja node-gyp cmake-js python python3 pip'.split(
    ' ',
  );
const KEPT =
  'sh bash env uname cat dirname basename sed grep ls mkdir rm cp mv ln chmod readlink realpath getconf ldd id tty'.split(
    ' ',
  );

export class Machine {
  constructor(folder, { npm }) {
    this.log = join(folder, 'build-tools.log');
    this.bin = join(folder, 'bin');
    mkdirSync(this.bin, { recursive: true });
    for (const name of BUILD_TOOLS) {
      const file = join(this.bin, name);
      writeFileSync(file, `#!/bin/sh\necho "${name} $*" >> '${this.log}'\nexit 1\n`);
      chmodSync(file, 0o755);
    }
    for (const name of KEPT) {
      const found = onPath(name);
      if (found !== undefined) symlinkSync(found, join(this.bin, name));
    }
    symlinkSync(process.execPath, join(this.bin, 'node'));
    const inherited = ['HOME', 'LANG', 'SSL_CERT_FILE', 'NODE_EXTRA_CA_CERTS'].filter(
      (key) => key in process.env,
    );
    const settings = Object.entries(process.env).filter(([key]) =>
      /^(https?_proxy|no_proxy)$|^npm_config_(registry|cafile|cache)$/i.test(key),
    );
    this.environment = {
      ...Object.fromEntries(inherited.map((key) => [key, process.env[key]])),
      ...Object.fromEntries(settings),
      PATH: this.bin,
      CI: '1',
      NO_COLOR: '1',
      // Not the cache of this machine: `svg-t2i install` fills it.
      SVG_T2I_HOME: join(folder, 'home'),
      // yarn 1 and bun know no registry but their own unless they are told.
      npm_config_registry: npm.registry,
      YARN_NPM_REGISTRY_SERVER: npm.registry,
      YARN_HTTP_TIMEOUT: '300000',
      YARN_ENABLE_TELEMETRY: '0',
      YARN_ENABLE_IMMUTABLE_INSTALLS: 'false',
      YARN_GLOBAL_FOLDER: join(folder, 'yarn'),
      YARN_CACHE_FOLDER: join(folder, 'yarn-cache'),
      BUN_INSTALL_CACHE_DIR: join(folder, 'bun-cache'),
    };
  }

  /** Runs a program without a terminal; returns its status and all that it printed. */
  run(command, args, cwd, environment = {}) {
    const { status, signal, stdout, stderr, error } = spawnSync(command, args, {
      cwd,
      encoding: 'utf8',
      env: { ...this.environment, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
      maxBuffer: 64 * 1024 ** 2,
    });
    return {
      ok: status === 0,
      status,
      output: `${stdout ?? ''}${stderr ?? ''}${error?.message ?? ''}${signal ?? ''}`,
    };
  }

  /** What was asked of build tools since the last call, a line each. */
  takeBuildCalls() {
    if (!existsSync(this.log)) return [];
    const lines = readFileSync(this.log, 'utf8').trim().split('\n');
    rmSync(this.log);
    return lines;
  }
}

function onPath(name) {
  return (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find((file) => existsSync(file));
}
