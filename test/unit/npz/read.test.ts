import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32, deflateRawSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { NpyHeaderError, npyHeader, parseNpyHeader } from '../../../lib/npz/npy-header.js';
import { openNpz } from '../../../lib/npz/read.js';
import { goldenFolder } from '../golden.js';

const folder = mkdtempSync(join(tmpdir(), 'svg-t2i-npz-'));
afterAll(() => rmSync(folder, { recursive: true }));

const golden = (name: string) => join(goldenFolder('adm-npz'), name);

/** A zip of members as other programs may write it: no zip64, sizes as given. */
function zipOf(
  members: readonly {
    readonly name: string;
    readonly data: Buffer;
    readonly deflate?: boolean;
    readonly promised?: number;
  }[],
): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, data, deflate = false, promised = data.length } of members) {
    const packed = deflate ? deflateRawSync(data) : data;
    const rest = Buffer.alloc(26);
    rest.writeUInt16LE(20, 0);
    rest.writeUInt16LE(deflate ? 8 : 0, 4);
    rest.writeUInt32LE(crc32(data), 10);
    rest.writeUInt32LE(packed.length, 14);
    rest.writeUInt32LE(promised, 18);
    rest.writeUInt16LE(name.length, 22);
    const central = Buffer.alloc(46);
    central.writeUInt32LE(0x02014b50, 0);
    rest.copy(central, 6);
    central.writeUInt32LE(offset, 42);
    directory.push(central, Buffer.from(name));
    const local = [Buffer.from('PK\x03\x04'), rest, Buffer.from(name), packed];
    parts.push(...local);
    offset += local.reduce((sum, { length }) => sum + length, 0);
  }
  const size = directory.reduce((sum, { length }) => sum + length, 0);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(members.length, 8);
  end.writeUInt16LE(members.length, 10);
  end.writeUInt32LE(size, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, ...directory, end]);
}

function written(name: string, bytes: Buffer): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

/** An npy member whose header is written as here. */
function npy(header: string, data = Buffer.alloc(0), version = 1): Buffer {
  const length = Buffer.alloc(version === 1 ? 2 : 4);
  if (version === 1) length.writeUInt16LE(header.length + 1);
  else length.writeUInt32LE(header.length + 1);
  return Buffer.concat([
    Buffer.from('\x93NUMPY', 'latin1'),
    Buffer.from([version, 0]),
    length,
    Buffer.from(`${header}\n`),
    data,
  ]);
}

async function refusalOf(path: string, member: string): Promise<string> {
  try {
    await using file = await openNpz(path);
    await file.read(member);
  } catch (error) {
    expect(error).toMatchObject({ code: 'ERR_SVGT2I_FILE_FORMAT' });
    return (error as Error).message.replace(`${path}`, 'FILE');
  }
  return 'read';
}

describe('openNpz', () => {
  it.each([
    ['refuse_pickled.npz', 'arr_0', 'FILE: arr_0 holds pickled Python objects, which are never loaded'],
    ['refuse_no_arr_0.npz', 'arr_0', 'FILE: arr_0 is not there; it holds images'],
    [
      'refuse_short_data.npz',
      'arr_0',
      'FILE: arr_0 holds 4558 bytes, its shape (6, 16, 16, 3) of uint8 needs 4608',
    ],
    [
      'refuse_huge_shape.npz',
      'arr_0',
      'FILE: arr_0 holds 4608 bytes, its shape (99999999999, 16, 16, 3) of uint8 needs 76799999999232',
    ],
    ['refuse_crc.npz', 'arr_0', 'FILE: arr_0 is damaged: its checksum (CRC-32) does not fit'],
  ])('refuses %s by name', async (name, member, message) => {
    expect(await refusalOf(golden(name), member)).toBe(message);
  });

  it('refuses a file that is cut, empty, a folder or not there', async () => {
    await expect(openNpz(golden('refuse_truncated.npz'))).rejects.toThrow(/is no whole npz \(zip\) file/);
    const bytes = readFileSync(golden('samples_stored.npz'));
    for (const length of [0, 4, 100, bytes.length - 1]) {
      const path = written(`cut-${length}.npz`, bytes.subarray(0, length));
      await expect(openNpz(path)).rejects.toMatchObject({ code: 'ERR_SVGT2I_FILE_FORMAT' });
    }
    await expect(openNpz(folder)).rejects.toThrow('is a folder, not a regular file');
    await expect(openNpz(join(folder, 'none.npz'))).rejects.toMatchObject({
      code: 'ERR_SVGT2I_FILE_NOT_FOUND',
    });
  });

  it.each([
    ["{'descr': '|u1', 'fortran_order': False, 'shape': (2,)", 'has a header whose brackets do not fit'],
    ["{'descr': '|u1', 'shape': (2,)}", 'has a header with the keys descr,shape'],
    ["['|u1', False, (2,)]", 'has a header that is no dictionary'],
    ["{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,)}", 'holds records of several fields'],
    [
      "{'descr': '<U8', 'fortran_order': False, 'shape': (2,)}",
      'holds values of type <U8, which is not read',
    ],
    [
      "{'descr': '<f2', 'fortran_order': False, 'shape': (2,)}",
      'holds values of type <f2, which is not read',
    ],
    [
      "{'descr': '|u1', 'fortran_order': 0, 'shape': (2,)}",
      'has a header with a shape or an order that is none',
    ],
    ["{'descr': '|u1', 'fortran_order': False, 'shape': (-2,)}", 'has a header with a shape or an order'],
    ["{'descr': '|u1', 'fortran_order': False, 'shape': (2,)} + 1", 'has a header that is no dictionary'],
    ["__import__('os').system('true')", 'has a header that is no dictionary'],
    [`${'('.repeat(50)}${')'.repeat(50)}`, 'has a header of too many brackets'],
  ])('refuses the header %s', (header, message) => {
    expect(() => parseNpyHeader(npy(header))).toThrow(NpyHeaderError);
    expect(() => parseNpyHeader(npy(header))).toThrow(message);
  });

  it('refuses what is no npy array, another version, a header without an end', () => {
    expect(() => parseNpyHeader(Buffer.from('PK'))).toThrow('is no npy array');
    expect(() => parseNpyHeader(npy('{}', Buffer.alloc(0), 4))).toThrow('has version 4 of the npy format');
    expect(() => parseNpyHeader(npy('{}').subarray(0, 9))).toThrow('ends within its header');
    const long = npy('{}', Buffer.alloc(0), 2);
    long.writeUInt32LE(0xffffffff, 8);
    expect(() => parseNpyHeader(long)).toThrow('has a header of 4294967295 bytes, more than 65536');
  });

  it('writes headers that it reads, their values at a multiple of 64 bytes', () => {
    for (const shape of [[], [0], [3], [50000, 256, 256, 3]]) {
      const header = npyHeader('float32', shape);
      expect(header.length % 64).toBe(0);
      expect(parseNpyHeader(header)).toMatchObject({ dtype: 'float32', shape, isFortran: false });
    }
  });

  it('refuses two members of one name, and sizes that deflate cannot reach', async () => {
    const data = Buffer.concat([npyHeader('uint8', [4]), Buffer.from([1, 2, 3, 4])]);
    const twice = zipOf([
      { name: 'a.npy', data },
      { name: 'a.npy', data },
    ]);
    await expect(openNpz(written('twice.npz', twice))).rejects.toThrow('two members are called a.npy');
    const bomb = zipOf([{ name: 'a.npy', data, deflate: true, promised: 0xfffffff0 }]);
    expect(await refusalOf(written('bomb.npz', bomb), 'a')).toMatch(
      /^FILE: a promises 4294967280 bytes, more than/,
    );
    const longer = zipOf([{ name: 'a.npy', data, deflate: true, promised: data.length + 3 }]);
    expect(await refusalOf(written('longer.npz', longer), 'a')).toMatch(
      /^FILE: a cannot be unpacked: not enough bytes in the stream/,
    );
  });

  it('refuses a member that unpacks to more than the directory says', async () => {
    const data = Buffer.concat([npyHeader('uint8', [4]), Buffer.from([1, 2, 3, 4]), Buffer.alloc(100)]);
    const path = written(
      'more.npz',
      zipOf([{ name: 'a.npy', data, deflate: true, promised: data.length - 100 }]),
    );
    expect(await refusalOf(path, 'a')).toMatch(/^FILE: a cannot be unpacked: too many bytes/);
  });

  it('leaves members alone that nobody asks for, and lists arrays only', async () => {
    const data = Buffer.concat([npyHeader('uint8', [1]), Buffer.from([7])]);
    const pickled = npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", Buffer.from([0x80, 4]));
    const bytes = zipOf([
      { name: 'objects.npy', data: pickled },
      { name: 'a.npy', data },
      { name: 'readme.txt', data: Buffer.from('x') },
    ]);
    await using file = await openNpz(written('some.npz', bytes));
    expect(file.names).toEqual(['objects', 'a']);
    expect(await file.read('a')).toEqual({ dtype: 'uint8', shape: [1], data: Uint8Array.from([7]) });
    await expect(file.member('objects')).rejects.toThrow('pickled');
  });

  it('reads other kinds of numbers, big-endian ones as well', async () => {
    const kinds = {
      bool: ['|b1', Uint8Array.from([0, 1])],
      int8: ['|i1', Int8Array.from([-1, 1])],
      uint16: ['>u2', Uint16Array.from([1, 515])],
      int16: ['<i2', Int16Array.from([-2, 3])],
      uint32: ['>u4', Uint32Array.from([1, 4e9])],
      int32: ['>i4', Int32Array.from([-7, 70000])],
      uint64: ['<u8', BigUint64Array.from([1n, 2n ** 63n])],
      int64: ['>i8', BigInt64Array.from([-1n, 1n])],
      float32: ['>f4', Float32Array.from([0.5, -2])],
      float64: ['=f8', Float64Array.from([0.1, 1e300])],
    } as const;
    for (const [dtype, [description, data]] of Object.entries(kinds)) {
      const bytes = Buffer.from(data.buffer.slice(0));
      const size = data.BYTES_PER_ELEMENT;
      if (description.startsWith('>')) {
        if (size === 2) bytes.swap16();
        else if (size === 4) bytes.swap32();
        else bytes.swap64();
      }
      const header = `{'descr': '${description}', 'fortran_order': False, 'shape': (2L,), }`;
      const path = written(`${dtype}.npz`, zipOf([{ name: 'a.npy', data: npy(header, bytes) }]));
      await using file = await openNpz(path);
      expect(await file.read('a')).toEqual({ dtype, shape: [2], data });
    }
  });
});

describe('rows', () => {
  const names = [
    'samples_stored.npz',
    'samples_deflated.npz',
    'fortran.npz',
    'streamed.npz',
    'header_v3.npz',
  ];

  it.each(names)('of %s are those of the whole array, any of them, in parts of any length', async (name) => {
    await using file = await openNpz(golden(name));
    const whole = Buffer.from((await file.read('arr_0')).data.buffer);
    const bytes = 16 * 16 * 3;
    for (const [from, to, rowsAtOnce] of [
      [0, 6, 1],
      [0, 6, 4],
      [2, 5, 2],
      [5, 6, 100],
      [3, 3, 1],
    ] as const) {
      const parts: Buffer[] = [];
      for await (const { shape, data } of file.rows('arr_0', { from, to, rowsAtOnce })) {
        expect(shape.slice(1)).toEqual([16, 16, 3]);
        expect(data.length).toBe((shape[0] ?? 0) * bytes);
        parts.push(Buffer.from(data.buffer));
      }
      expect(parts.length).toBe(Math.ceil((to - from) / rowsAtOnce));
      expect(Buffer.concat(parts).equals(whole.subarray(from * bytes, to * bytes))).toBe(true);
    }
  });

  it('of a matrix in fortran order come out in C order', async () => {
    await using file = await openNpz(golden('fortran.npz'));
    const { data, shape } = await file.read('sigma');
    const rows: number[] = [];
    for await (const part of file.rows('sigma', { rowsAtOnce: 3 }))
      rows.push(...Array.from(part.data, Number));
    expect([shape, rows]).toEqual([[8, 8], Array.from(data, Number)]);
  });

  it('that are not there are refused, and a wrong checksum at the end', async () => {
    await using file = await openNpz(golden('samples_stored.npz'));
    await expect(file.rows('arr_0', { from: 4, to: 7 }).next()).rejects.toThrow(
      /^rows 4 to 7 of arr_0 in .*, which has 6$/,
    );
    await using damaged = await openNpz(golden('refuse_crc.npz'));
    const read = async () => {
      let count = 0;
      for await (const part of damaged.rows('arr_0', { rowsAtOnce: 1 })) count += part.shape[0] ?? 0;
      return count;
    };
    await expect(read()).rejects.toThrow('checksum');
  });

  it.each([1, 7, 40])(
    'of a damaged array are not all given, whoever asks for no more than there are (%d at once)',
    async (rowsAtOnce) => {
      // Above what is read to see the header: there the damage shows at once.
      const values = Buffer.alloc(40 * 64 * 64 * 3, 5);
      const bytes = zipOf([
        { name: 'arr_0.npy', data: Buffer.concat([npyHeader('uint8', [40, 64, 64, 3]), values]) },
      ]);
      bytes[200_000] = 6;
      await using file = await openNpz(written('damaged.npz', bytes));
      const rows = file.rows('arr_0', { rowsAtOnce });
      const take = async () => {
        for (let count = 0; count < 40; ) count += (await rows.next()).value?.shape[0] ?? 0;
      };
      await expect(take()).rejects.toThrow('arr_0 is damaged: its checksum (CRC-32) does not fit');
    },
  );

  it('end with the reason of the signal, and the file can be read again', async () => {
    await using file = await openNpz(golden('samples_deflated.npz'));
    const controller = new AbortController();
    controller.abort(new Error('enough'));
    await expect(file.read('arr_0', { signal: controller.signal })).rejects.toThrow('enough');
    for await (const _ of file.rows('arr_0', { rowsAtOnce: 1 })) break;
    expect((await file.read('arr_0')).data.length).toBe(4608);
  });
});
