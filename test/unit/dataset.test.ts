import { mkdirSync, mkdtempSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ImageFolderDataset } from '../../lib/data/image-folder.js';
import { PictureList } from '../../lib/data/picture-list.js';

function temporary(): string {
  return mkdtempSync(join(tmpdir(), 'svg-t2i-data-'));
}

function writeList(text: string): string {
  const path = join(temporary(), 'list.jsonl');
  writeFileSync(path, text);
  return path;
}

describe('PictureList', () => {
  it('reads any line by its number, without the blank ones', async () => {
    const path = writeList(
      '{"path":"a.jpg","prompt":"写实"}\r\n\n  \n{"image_path":"/b.png","prompt":"b","x":1}',
    );
    const list = await PictureList.open(path);
    expect(list.length).toBe(2);
    expect(await list.item(1)).toEqual({ path: '/b.png', prompt: 'b' });
    expect(await list.item(0)).toEqual({ path: join(path, '..', 'a.jpg'), prompt: '写实' });
    await list.close();
    const rooted = await PictureList.open(path, { root: '/data' });
    expect((await rooted.item(0)).path).toBe('/data/a.jpg');
    await rooted.close();
  });

  it('opens a list longer than its read buffer', async () => {
    const rows = 60_000;
    const lines = Array.from({ length: rows }, (_, i) =>
      JSON.stringify({ path: `${i}.jpg`, prompt: `picture ${i}` }),
    );
    const list = await PictureList.open(writeList(lines.join('\n')));
    expect(list.length).toBe(rows);
    for (const i of [0, 1, 30_123, 59_999]) expect((await list.item(i)).prompt).toBe(`picture ${i}`);
    await list.close();
  });

  it('names the line that is wrong', async () => {
    const path = writeList('{"path":"a","prompt":"a"}\n\n{"path":\n{"path":"a"}\n{"prompt":"a"}\n[]\n');
    const list = await PictureList.open(path);
    await expect(list.item(1)).rejects.toThrow(`${path}:3: no JSON`);
    await expect(list.item(2)).rejects.toThrow(`${path}:4: `);
    await expect(list.item(3)).rejects.toThrow(`${path}:5: neither "path" nor "image_path"`);
    await expect(list.item(4)).rejects.toMatchObject({
      code: 'ERR_SVGT2I_FILE_FORMAT',
      message: `${path}:6: must be a mapping, got []`,
    });
    await expect(list.item(5)).rejects.toThrow(/has no item 5/);
    await list.close();
  });

  it('refuses a list without lines, and says which file is missing', async () => {
    await expect(PictureList.open(writeList('\n \n'))).rejects.toThrow(/lists no pictures/);
    await expect(PictureList.open('/nowhere.jsonl')).rejects.toMatchObject({
      code: 'ERR_SVGT2I_FILE_NOT_FOUND',
    });
  });
});

describe('lists as the original reads them', () => {
  const entries = async (text: string | Uint8Array, name = 'list.jsonl') => {
    const path = join(temporary(), name);
    writeFileSync(path, text);
    const list = await PictureList.open(path, { root: '/data' });
    try {
      return await Promise.all(Array.from({ length: list.length }, (_, i) => list.item(i)));
    } finally {
      await list.close();
    }
  };

  it('a JSON array, on one line or many, is a list of its elements', async () => {
    const items = [
      { path: 'a.jpg', prompt: 'one, "[two]" \\' },
      { path: 'b.jpg', prompt: 'x', tags: ['{', ']'], size: { w: 1 } },
    ];
    const wanted = items.map(({ path, prompt }) => ({ path: `/data/${path}`, prompt }));
    for (const text of [
      JSON.stringify(items),
      JSON.stringify(items, null, 2),
      `\ufeff ${JSON.stringify(items)}\n`,
    ])
      expect(await entries(text, 'list.json')).toEqual(wanted);
    const long = Array.from({ length: 40_000 }, (_, i) => ({ path: `${i}.jpg`, prompt: 'p'.repeat(i % 60) }));
    const path = writeList(JSON.stringify(long, null, 1));
    const list = await PictureList.open(path, { root: '/data' });
    expect(list.length).toBe(40_000);
    for (const i of [0, 20_011, 39_999])
      expect(await list.item(i)).toEqual({ path: `/data/${i}.jpg`, prompt: 'p'.repeat(i % 60) });
    await list.close();
  });

  it.each([
    ['[{"path":"a","prompt":"b"}', /cut off: its closing bracket is missing/],
    ['[{"path":"a","prompt":"b"},]', /item 2 is empty/],
    ['[{"path":"a","prompt":"b"}] x', /something stands behind the list/],
    ['[]', /lists no pictures/],
    ['[{"path":"a","prompt":"b"},{"path":3}]', /item 2: path: must be a text, got 3/],
    ['[1,[2]]', /item 1: must be a mapping, got 1/],
  ])('names what is wrong with the array %s', async (text, message) => {
    await expect(entries(text, 'list.json')).rejects.toThrow(message);
  });

  it('takes super_high_quality_caption, with the system prompt of its own', async () => {
    const fine = { image_path: 'a.jpg', super_high_quality_caption: 'fine', path: 'b.jpg', prompt: 'plain' };
    expect(await entries(JSON.stringify(fine))).toEqual([
      { path: '/data/a.jpg', prompt: 'fine', systemPrompt: 'align' },
    ]);
    expect(await entries('{"image_path": "a.jpg", "prompt": "plain"}')).toEqual([
      { path: '/data/a.jpg', prompt: 'plain' },
    ]);
  });

  it.each(['null', '"   "', '"\\t\\u2003\\u001c"'])(
    'takes the prompt %s for an empty one',
    async (prompt) => {
      expect(await entries(`{"path": "a.jpg", "prompt": ${prompt}}`)).toEqual([
        { path: '/data/a.jpg', prompt: '' },
      ]);
    },
  );

  it('keeps white space around a prompt', async () => {
    expect(await entries('{"path": "a.jpg", "prompt": " a "}')).toEqual([
      { path: '/data/a.jpg', prompt: ' a ' },
    ]);
  });

  it('reads the numbers that Python writes and JSON does not have', async () => {
    const lines = [
      '{"path":"a.jpg","prompt":"NaN, -Infinity \\" NaN","score":NaN,"list":[Infinity,-Infinity]}',
      '{"path":"b.jpg","prompt":NaN}',
    ];
    const list = await PictureList.open(writeList(lines.join('\n')), { root: '/data' });
    expect(await list.item(0)).toEqual({ path: '/data/a.jpg', prompt: 'NaN, -Infinity " NaN' });
    await expect(list.item(1)).rejects.toThrow(/:2: prompt: must be a text/);
    await list.close();
  });

  it('reads a list with a byte order mark, and none in UTF-16', async () => {
    expect(await entries('\ufeff{"path":"a.jpg","prompt":"b"}\n')).toEqual([
      { path: '/data/a.jpg', prompt: 'b' },
    ]);
    await expect(entries(Buffer.from('\ufeff{"path":"a"}', 'utf16le'))).rejects.toThrow(/is a UTF-16 text/);
  });

  it.each([1, 2, 3, 1024 * 1024 - 30])(
    'names line and byte of what is no UTF-8 (after %d bytes)',
    async (fill) => {
      const text = `${' '.repeat(fill)}\n{"path":"a.jpg","prompt":"caf`;
      const latin1 = Buffer.from(`${text}\xe9"}\n`, 'latin1');
      await expect(entries(latin1)).rejects.toThrow(
        new RegExp(`list\\.jsonl:2: not UTF-8: byte 0xe9 at position ${text.length}$`),
      );
    },
  );

  it('characters on the border of two reads are whole, and one cut off at the end is named', async () => {
    for (let fill = 0; fill < 4; fill++) {
      const prompt = `${'x'.repeat(1024 * 1024 - 40 + fill)}\u{1f600}é写`;
      const text = JSON.stringify({ path: 'a.jpg', prompt });
      expect((await entries(text))[0]?.prompt).toBe(prompt);
      const long = Buffer.from(`${'\n'.repeat(1024 * 1024 - 1 - fill)}{"path":"a.jpg","prompt":"\u{1f600}"}`);
      expect((await entries(long))[0]?.prompt).toBe('\u{1f600}');
    }
    const whole = Buffer.from('{"path":"a.jpg","prompt":"b"}\n写');
    await expect(entries(whole.subarray(0, -1))).rejects.toThrow(/:2: not UTF-8: byte 0xe5/);
  });

  it.each(['s3://bucket/a.jpg', 'https://x.org/a.jpg'])(
    'names the address %s as none of its paths',
    async (path) => {
      await expect(entries(JSON.stringify({ path, prompt: '' }))).rejects.toThrow(
        `:1: ${path} is no file of this machine`,
      );
    },
  );

  it('an entry that is out of all bounds is a bad one like others', async () => {
    const deep = `{"path":${'['.repeat(100_000)}${']'.repeat(100_000)},"prompt":""}`;
    const bad = { code: 'ERR_SVGT2I_FILE_FORMAT' };
    await expect(entries(deep)).rejects.toMatchObject(bad);
    await expect(entries('{"path":"a\\u0000.jpg","prompt":""}')).rejects.toMatchObject({
      ...bad,
      message: expect.stringContaining(':1: a path with a NUL in it'),
    });
    await expect(entries(`{"path":"a","prompt":"${'x'.repeat(5 * 1024 * 1024)}"}`)).rejects.toThrow(
      /:1: longer than/,
    );
    await expect(entries('{"path":"","prompt":""}')).rejects.toMatchObject(bad);
  });

  it('names the keys of other lists', async () => {
    await expect(entries('{"file_name": "a.jpg", "text": "b"}')).rejects.toThrow(
      /neither "path" nor "image_path", but "file_name", of Hugging Face's metadata\.jsonl, which is not read/,
    );
  });

  const tar = Buffer.alloc(1024);
  tar.write('0.jpg', 0);
  tar.write('ustar', 257);
  it.each([
    ['list.jsonl.gz', Buffer.from('1f8b0800', 'hex'), 'a gzip file'],
    ['shard-000000.tar', tar, 'a tar archive (WebDataset)'],
    ['0.parquet', Buffer.from('PAR1....'), 'a Parquet file'],
    [
      'data.arrow',
      Buffer.from('ffffffff70000000', 'hex'),
      'an Arrow stream (save_to_disk of Hugging Face datasets)',
    ],
    ['list.csv', Buffer.from('path,prompt\na.jpg,b\n'), 'a table of comma-separated values'],
    ['data.yaml', Buffer.from('META:\n  - path: x.jsonl\n'), 'a YAML file'],
    ['a.png', Buffer.from('\x89PNG\r\n', 'latin1'), 'a picture'],
    ['list.jsonl', Buffer.from('<!doctype html><p>404'), 'an HTML page'],
  ])('names %s as a kind that is not read', async (name, bytes, kind) => {
    await expect(entries(bytes, name)).rejects.toMatchObject({
      code: 'ERR_SVGT2I_FILE_FORMAT',
      message: expect.stringContaining(`${name} is ${kind}, which is not read as a list of pictures`),
    });
  });

  it('tells lists apart by their content', async () => {
    const hashes = ['a', 'b', 'a'].map(async (prompt) => {
      const list = await PictureList.open(writeList(JSON.stringify({ path: 'x', prompt })));
      const hash = await list.fingerprint();
      await list.close();
      return hash;
    });
    const [first, second, third] = await Promise.all(hashes);
    expect(first).toMatch(/^[0-9a-f]{64}$/);
    expect(second).not.toBe(first);
    expect(third).toBe(first);
  });
});

describe('ImageFolderDataset', () => {
  it('numbers classes and pictures by name', async () => {
    const root = temporary();
    for (const [folder, names] of Object.entries({ n02: ['b.JPEG', 'a.png', 'notes.txt'], n01: ['z.jpg'] })) {
      mkdirSync(join(root, folder));
      for (const name of names) writeFileSync(join(root, folder, name), '');
    }
    mkdirSync(join(root, '.cache'));
    const pictures = await ImageFolderDataset.open(root);
    expect(pictures.classes).toEqual(['n01', 'n02']);
    expect(await Promise.all([0, 1, 2].map((i) => pictures.item(i)))).toEqual([
      { path: join(root, 'n01', 'z.jpg'), label: 0 },
      { path: join(root, 'n02', 'a.png'), label: 1 },
      { path: join(root, 'n02', 'b.JPEG'), label: 1 },
    ]);
    await expect(pictures.item(3)).rejects.toThrow(/no picture 3/);
  });

  it('follows links and walks to any depth, as torchvision does, but in no circle', async () => {
    const root = temporary();
    const elsewhere = temporary();
    writeFileSync(join(elsewhere, 'far.jpg'), '');
    const files = ['cat/2.JPG', 'cat/sub-a/3.png', 'cat/sub/1.jpg', 'cat/sub/deep/0.tif', 'dog/9.avif'];
    for (const file of files) {
      mkdirSync(dirname(join(root, file)), { recursive: true });
      writeFileSync(join(root, file), '');
    }
    symlinkSync(elsewhere, join(root, 'bird'));
    symlinkSync(join(root, 'cat'), join(root, 'cat', 'sub', 'again'));
    symlinkSync(root, join(root, 'dog', 'up'));
    symlinkSync('nowhere', join(root, 'dog', 'gone'));
    mkdirSync(join(root, 'empty'));
    for (const name of ['a.txt', 'b.txt', 'c.bmp']) writeFileSync(join(root, 'dog', name), '');
    const pictures = await ImageFolderDataset.open(root);
    expect(pictures.classes).toEqual(['bird', 'cat', 'dog', 'empty']);
    const items = await Promise.all(Array.from({ length: pictures.length }, (_, i) => pictures.item(i)));
    expect(items.map(({ path, label }) => [path.slice(root.length + 1), label])).toEqual(
      [
        ['bird/far.jpg', 0],
        ['cat/2.JPG', 1],
        ['cat/sub/1.jpg', 1],
        ['cat/sub-a/3.png', 1],
        ['cat/sub/deep/0.tif', 1],
        ['dog/9.avif', 2],
      ].sort(([a], [b]) => (dirname(String(a)) < dirname(String(b)) ? -1 : 1)),
    );
    expect(pictures.remarks).toEqual([
      `${root}: 3 other files passed over (2 .txt, 1 .bmp)`,
      `${root}: folders without pictures: empty`,
      `${root}: links back to a folder above passed over: ${join(root, 'cat/sub/again')}, ${join(root, 'dog/up')}`,
      `${root}: links to nothing passed over: ${join(root, 'dog/gone')}`,
    ]);
  });

  it('names captions and archives that others would read', async () => {
    const root = temporary();
    writeFileSync(join(root, 'a.jpg'), '');
    writeFileSync(join(root, 'metadata.jsonl'), '');
    expect((await ImageFolderDataset.open(root)).remarks[0]).toContain(
      "the captions in Hugging Face's metadata.jsonl are not read",
    );
    const shards = temporary();
    writeFileSync(join(shards, '000.tar'), '');
    await expect(ImageFolderDataset.open(shards)).rejects.toThrow(/holds no pictures; .*\(1 \.tar\)/);
  });

  it('tells folders apart by names and sizes', async () => {
    const root = temporary();
    const print = async () => (await ImageFolderDataset.open(root)).fingerprint();
    writeFileSync(join(root, 'a.jpg'), '1');
    const first = await print();
    writeFileSync(join(root, 'a.jpg'), '2');
    expect(await print()).toBe(first);
    writeFileSync(join(root, 'a.jpg'), '22');
    const longer = await print();
    renameSync(join(root, 'a.jpg'), join(root, 'b.jpg'));
    expect(new Set([first, longer, await print()]).size).toBe(3);
  });

  it('takes one folder without classes, but not both', async () => {
    const root = temporary();
    writeFileSync(join(root, 'a.png'), '');
    const pictures = await ImageFolderDataset.open(root);
    expect(pictures.classes).toEqual([]);
    expect(await pictures.item(0)).toEqual({ path: join(root, 'a.png') });
    mkdirSync(join(root, 'n01'));
    await expect(ImageFolderDataset.open(root)).rejects.toThrow(/both pictures and folders/);
    await expect(ImageFolderDataset.open(temporary())).rejects.toThrow(/holds no pictures/);
    await expect(ImageFolderDataset.open('/nowhere')).rejects.toMatchObject({
      code: 'ERR_SVGT2I_FILE_NOT_FOUND',
    });
  });
});
