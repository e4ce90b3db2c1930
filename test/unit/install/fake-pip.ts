/** A python whose pip offers what a test says, and writes down what it was asked for. */
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { zipOf } from './fixtures.js';

export interface FakeWheel {
  readonly file: string;
  readonly requires?: readonly string[];
  readonly files: Readonly<Record<string, string>>;
}

export interface FakePip {
  /** Path of the python. */
  readonly python: string;
  /** The lines of arguments so far. */
  calls(): readonly string[];
}

/** Wheels by the requirement that gets them. `script` runs first, in the shell, with the arguments of pip. */
export function fakePip(folder: string, offers: Readonly<Record<string, FakeWheel>>, script = ''): FakePip {
  const [index, log, python] = ['index', 'calls.log', 'python'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  mkdirSync(index, { recursive: true });
  for (const [requirement, { file, requires = [], files }] of Object.entries(offers)) {
    const [name = '', version = ''] = file.split('-');
    const metadata = `Name: ${name}\n${requires.map((text) => `Requires-Dist: ${text}\n`).join('')}`;
    const path = join(index, file);
    writeFileSync(path, zipOf({ ...files, [`${name}-${version}.dist-info/METADATA`]: metadata }));
    const entry = {
      download_info: { url: `file://${path}` },
      metadata: { name, version, requires_dist: requires },
    };
    writeFileSync(join(index, `${requirement}.json`), JSON.stringify(entry));
    writeFileSync(join(index, `${requirement}.path`), path);
  }
  // `python -m pip COMMAND ...`; sh, since it starts at once.
  writeFileSync(
    python,
    `#!/bin/sh
shift 2
echo "$*" >> '${log}'
[ "$1" = --version ] && exit 0
fail() { echo "WARNING: an index is not there" >&2; echo "ERROR: $1" >&2; exit 1; }
${script}
entries=; paths=; previous=
for arg; do
  case "$previous" in --report) report=$arg ;; --dest) dest=$arg ;; esac
  previous=$arg
  [ -f "${index}/$arg.json" ] || continue
  entries="$entries\${entries:+,}$(cat "${index}/$arg.json")"
  paths="$paths $(cat "${index}/$arg.path")"
done
[ -n "$paths" ] || fail "No matching distribution found for $arg"
if [ "$1" = install ]; then printf '{"install":[%s]}' "$entries" > "$report"; else mkdir -p "$dest" && cp $paths "$dest"; fi
`,
  );
  chmodSync(python, 0o755);
  return {
    python,
    calls: () => (existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : []),
  };
}
