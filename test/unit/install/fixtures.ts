/** Small folders and zip archives that look like libtorch. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { afterEach } from 'vitest';

/** A folder that is removed after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'svg-t2i-test-'));
  folders.push(folder);
  return folder;
}

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

const CXX11_SYMBOL = '_ZN3c105ErrorC1ENSt7__cxx1112basic_stringIcEE';

/** Files of a libtorch of this version: those that are looked at. */
export function libtorchFiles(
  version: string,
  extra: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const [major, minor, patch] = version.split('.');
  return {
    'lib/libtorch.so': 'torch',
    'lib/libtorch_cpu.so': 'torch_cpu',
    'lib/libc10.so': CXX11_SYMBOL,
    'include/torch/headeronly/version.h': `#define TORCH_VERSION_MAJOR ${major}\n#define TORCH_VERSION_MINOR ${minor}\n#define TORCH_VERSION_PATCH ${patch}\n`,
    ...extra,
  };
}

export function writeFiles(folder: string, files: Readonly<Record<string, string>>): string {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

/** A zip archive without compression. */
export function zipOf(files: Readonly<Record<string, string>>): Buffer {
  const locals: Buffer[] = [];
  const central: Buffer[] = [];
  let offset = 0;
  for (const [name, text] of Object.entries(files)) {
    const data = Buffer.from(text);
    const file = Buffer.from(name);
    // Version, flags, method, time, date; CRC, sizes; lengths of the name and of nothing more.
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt32LE(crc32(data), 10);
    common.writeUInt32LE(data.length, 14);
    common.writeUInt32LE(data.length, 18);
    common.writeUInt16LE(file.length, 22);
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), common, file, data]);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(offset, 10);
    central.push(Buffer.concat([Buffer.from('PK\x01\x02\x14\x00', 'latin1'), common, rest, file]));
    locals.push(local);
    offset += local.length;
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(central.length, 4);
  end.writeUInt16LE(central.length, 6);
  end.writeUInt32LE(directory.length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...locals, directory, Buffer.from('PK\x05\x06'), end]);
}

/** An official archive: everything below libtorch/. */
export function libtorchZip(version: string, extra: Readonly<Record<string, string>> = {}): Buffer {
  const files = { ...libtorchFiles(version), ...extra };
  return zipOf(Object.fromEntries(Object.entries(files).map(([name, text]) => [`libtorch/${name}`, text])));
}
