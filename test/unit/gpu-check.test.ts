// scripts/gpu-check.sh with stand-ins for a GPU, a compiler and what is built: each part gets to run what it is for.
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeEach, expect, it } from 'vitest';

const script = fileURLToPath(new URL('../../scripts/gpu-check.sh', import.meta.url));
let clone: string;

function write(name: string, text: string): string {
  const file = join(clone, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
}

function program(name: string, text: string): void {
  chmodSync(write(name, `#!/bin/bash\n${text}\n`), 0o755);
}

/** Runs it; its table by the parts' names. */
function check(args: readonly string[], env: Readonly<Record<string, string>>) {
  const { status, stdout } = spawnSync('bash', [join(clone, 'scripts/gpu-check.sh'), ...args], {
    encoding: 'utf8',
    env: {
      PATH: `${clone}/bin:/usr/bin:/bin`,
      OUT: join(clone, 'out'),
      NODE: process.execPath,
      NODE_HEADERS: join(clone, 'headers'),
      ...env,
    },
  });
  const table = stdout.slice(stdout.indexOf('\npart ')).trim().split('\n').slice(1, -1);
  const rows = table.map((line) => /^(\S+)\s+(\S+)\s+(.*)$/.exec(line)?.slice(1) ?? [line]);
  return { status, parts: new Map(rows.map(([name, ...rest]) => [name, rest.join(' ')])) };
}

beforeEach(() => {
  clone = mkdtempSync(join(tmpdir(), 'svg-t2i-gpu-check-'));
  mkdirSync(join(clone, 'scripts'));
  cpSync(script, join(clone, 'scripts/gpu-check.sh'));
  // Before those of the machine, which may have a GPU.
  program('bin/nvidia-smi', '[[ $* == *name* ]] && echo "A GPU, 80 GiB, 580.1, 9.0" || echo 9.0');
  program('bin/nvcc', 'exit 1');
  program(
    'bin/cmake',
    `echo "$@" >>'${clone}/cmake.txt'
[ "$1" = --build ] || exit 0
mkdir -p "$2"/build/{tests,Release,loader}
echo addon >"$2/build/Release/svg-t2i.node"
printf '#!/bin/bash\\necho "$@"\\n' >"$2/build/tests/svg_native_tests"
chmod +x "$2/build/tests/svg_native_tests"`,
  );
  write('headers/node_api.h', '');
  write('libtorch/lib/libtorch_cuda.so', '');
  mkdirSync(join(clone, 'node_modules/node-addon-api'), { recursive: true });
  write('package.json', '{"type": "module"}');
  write(
    'dist/install/libtorch.js',
    'export const inspectLibtorch = (dir) => ({ dir, version: "2.11.0", flavour: "cu130" });',
  );
  write(
    'dist/cli/main.js',
    `import { readFileSync } from 'node:fs';
const folder = process.env.SVG_T2I_PREBUILD + '/build';
const addon = readFileSync(folder + '/Release/svg-t2i.node', 'utf8').trim();
const { torch, flavour } = JSON.parse(readFileSync(folder + '/loader/build-info.json', 'utf8'));
console.log(process.argv[2], 'with', addon, torch, flavour, process.env.SVG_T2I_LIBTORCH);`,
  );
});

it('builds for the GPU that is there and runs every part, the addon that was built among them', () => {
  const libtorch = join(clone, 'libtorch');
  const { status, parts } = check([], { SVG_T2I_LIBTORCH: libtorch });
  expect(Object.fromEntries([...parts].filter(([, what]) => !what.startsWith('ok')))).toEqual({});
  expect(status).toBe(0);
  const cmake = readFileSync(join(clone, 'cmake.txt'), 'utf8');
  expect(cmake).toContain(`-DSVG_LIBTORCH=${libtorch} -DSVG_CUDA=on -DSVG_CUDA_TARGETS=90 -DSVG_TESTS=ON`);
  expect(cmake).toContain(`-DCMAKE_JS_INC=${clone}/headers;${clone}/node_modules/node-addon-api`);
  const logOf = (part: string) => readFileSync(join(clone, `out/${part}.log`), 'utf8').trim();
  expect(logOf('golden')).toMatch(/^--golden --device cuda /);
  expect(logOf('bench-training')).toBe('--bench cuda step train-256 4');
  expect(parts.get('doctor')).toContain(`doctor with addon 2.11.0 cu130 ${libtorch}`);
  expect(parts.get('bench-node')).toContain(`bench with addon 2.11.0 cu130 ${libtorch}`);
});

it('takes what is there already where it is named', () => {
  const results = 'elsewhere/results';
  write(`${results}/Release/svg-t2i.node`, 'another addon');
  write(`${results}/loader/build-info.json`, '{"torch": "2.13.0", "flavour": "cu130"}');
  program(`${results}/tests/svg_native_tests`, 'echo all passed');
  const { status, parts } = check([], {
    SVG_T2I_LIBTORCH: join(clone, 'libtorch'),
    PREBUILT: join(clone, results),
  });
  expect(status).toBe(0);
  expect(parts.get('build')).toMatch(/^skipped/);
  expect(parts.get('native-tests')).toContain('all passed');
  expect(parts.get('doctor')).toContain('doctor with another addon 2.13.0 cu130');
});

it('skips what needs a GPU where none answers, and says so', () => {
  program('bin/nvidia-smi', 'echo "NVIDIA-SMI has failed"; exit 9');
  const { status, parts } = check([], { SVG_T2I_LIBTORCH: join(clone, 'libtorch') });
  expect(status).toBe(1);
  expect(parts.get('machine')).toBe('failed no GPU: nvidia-smi says "NVIDIA-SMI has failed"');
  for (const part of ['native-tests', 'golden', 'bench-step', 'doctor'])
    expect(parts.get(part)).toBe('skipped no GPU');
});
