/** Which GPUs a binary has kernels for, read from its bytes. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { kernelTargets } from '../../scripts/prebuild/binary.mjs';
import { temporaryFolder } from './install/fixtures.js';

const PTX = 1;
const CODE = 2;

/** An entry of a container of kernels: its header, and so many bytes. */
function entry(kind: number, capability: number, bytes: number): Buffer {
  const header = Buffer.alloc(64);
  header.writeUInt16LE(kind, 0);
  header.writeUInt32LE(header.length, 4);
  header.writeBigUInt64LE(BigInt(bytes), 8);
  header.writeUInt32LE(capability, 28);
  return Buffer.concat([header, Buffer.alloc(bytes, 0xff)]);
}

function container(...entries: readonly Buffer[]): Buffer {
  const content = Buffer.concat(entries);
  const header = Buffer.from('50ed55ba010010000000000000000000', 'hex');
  header.writeBigUInt64LE(BigInt(content.length), 8);
  return Buffer.concat([header, content]);
}

function targetsOf(...parts: readonly Buffer[]): readonly string[] {
  const file = join(temporaryFolder(), 'a.node');
  writeFileSync(file, Buffer.concat(parts));
  return kernelTargets(file);
}

it('lists each GPU once, from all containers', () => {
  const first = container(entry(CODE, 120, 40), entry(PTX, 120, 8), entry(CODE, 80, 0));
  const second = container(entry(CODE, 80, 16), entry(CODE, 90, 16));
  expect(targetsOf(Buffer.from('\x7fELF'), first, Buffer.alloc(24), second, Buffer.alloc(3))).toEqual([
    'ptx_120',
    'sm_80',
    'sm_90',
    'sm_120',
  ]);
});

it('finds none where there are no kernels, or only something that begins like them', () => {
  expect(targetsOf(Buffer.from('\x7fELF'))).toEqual([]);
  expect(targetsOf(Buffer.from('50ed55ba01004000ffffffffffffffff', 'hex'))).toEqual([]);
  expect(targetsOf(container(entry(7, 80, 8)))).toEqual([]);
  expect(targetsOf(container(entry(CODE, 80, 8)).subarray(0, 30))).toEqual([]);
});
