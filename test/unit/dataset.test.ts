import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ImageFolderDataset } from '../../lib/data/image-folder.js';
import { JsonlDataset } from '../../lib/data/jsonl.js';

function temporary(): string {
  return mkdtempSync(join(tmpdir(), 'svg-t2i-data-'));
}

function writeList(text: string): string {
  const path = join(temporary(), 'list.jsonl');
  writeFileSync(path, text);
  return path;
}

describe('JsonlDataset', () => {
  it('reads any line by its number, without the blank ones', async () => {
    const path = writeList(
      '{"path":"a.jpg","prompt":"写实"}\r\n\n  \n{"image_path":"/b.png","prompt":"b","x":1}',
    );
    const list = await JsonlDataset.open(path);
    expect(list.length).toBe(2);
    expect(await list.item(1)).toEqual({ path: '/b.png', prompt: 'b' });
    expect(await list.item(0)).toEqual({ path: join(path, '..', 'a.jpg'), prompt: '写实' });
    await list.close();
    const rooted = await JsonlDataset.open(path, { root: '/data' });
    expect((await rooted.item(0)).path).toBe('/data/a.jpg');
    await rooted.close();
  });

  it('opens a list longer than its read buffer', async () => {
    const rows = 60_000;
    const lines = Array.from({ length: rows }, (_, i) =>
      JSON.stringify({ path: `${i}.jpg`, prompt: `picture ${i}` }),
    );
    const list = await JsonlDataset.open(writeList(lines.join('\n')));
    expect(list.length).toBe(rows);
    for (const i of [0, 1, 30_123, 59_999]) expect((await list.item(i)).prompt).toBe(`picture ${i}`);
    await list.close();
  });

  it('names the line that is wrong', async () => {
    const path = writeList('{"path":"a","prompt":"a"}\n\n{"path":\n{"path":"a"}\n{"prompt":"a"}\n[]\n');
    const list = await JsonlDataset.open(path);
    await expect(list.item(1)).rejects.toThrow(`${path}:3: no JSON`);
    await expect(list.item(2)).rejects.toThrow(`${path}:4: `);
    await expect(list.item(3)).rejects.toThrow(`${path}:5: neither "path" nor "image_path"`);
    await expect(list.item(4)).rejects.toMatchObject({ code: 'ERR_SVGT2I_FILE_FORMAT' });
    await expect(list.item(5)).rejects.toThrow(/has no item 5/);
    await list.close();
  });

  it('refuses a list without lines, and says which file is missing', async () => {
    await expect(JsonlDataset.open(writeList('\n \n'))).rejects.toThrow(/lists no pictures/);
    await expect(JsonlDataset.open('/nowhere.jsonl')).rejects.toMatchObject({
      code: 'ERR_SVGT2I_FILE_NOT_FOUND',
    });
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
