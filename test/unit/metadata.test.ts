import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bytesSource } from '../../lib/image/byte-source.js';
import { encodeImage } from '../../lib/image/encode.js';
import { readExifDescription } from '../../lib/image/exif-text.js';
import { infotextOf } from '../../lib/image/infotext.js';
import {
  exifDescription,
  PARAMETERS_KEYWORD,
  readFileParameters,
  readParameters,
  toAsciiJson,
} from '../../lib/image/parameters.js';
import { insertPngChunks, pngTextChunk, readPngTexts } from '../../lib/image/png-text.js';
import { rgbImage } from '../../lib/image/rgb-image.js';

const image = rgbImage(3, 2, new Uint8Array(18).fill(9));
const parameters = {
  prompt: '写实 "a fox" \u{1f98a}\n\u0000 naïve',
  seed: 7,
  size: { width: 48 },
  list: [1, 2.5, null],
};

const firstText = async (png: Uint8Array, keyword: string) =>
  (await readPngTexts(bytesSource(png), keyword)).texts[0];

describe('parameters in a picture', () => {
  it.each(['png', 'jpeg', 'webp'] as const)('come back from %s as they were', async (format) => {
    const bytes = await encodeImage(image, { format, parameters });
    expect(await readParameters(bytes)).toEqual(parameters);
    expect(await sharp(bytes).metadata()).toMatchObject({ format, width: 3, height: 2 });
  });

  it.each(['png', 'jpeg', 'webp'] as const)('are absent from a plain %s', async (format) => {
    expect(await readParameters(await encodeImage(image, { format }))).toBeUndefined();
  });

  it('survive a long prompt; EXIF keeps its beginning and says so', async () => {
    const long = { prompt: '写'.repeat(50_000), steps: 50 };
    expect(await readParameters(await encodeImage(image, { format: 'png', parameters: long }))).toEqual(long);
    const read = await readParameters(await encodeImage(image, { format: 'jpeg', parameters: long }));
    expect(read).toMatchObject({ steps: 50, shortened: true });
    expect(String(read?.prompt).length).toBeGreaterThan(1000);
    expect(exifDescription({ list: new Array(40_000).fill('x') })).toBe('{"svg-t2i":{"shortened":true}}');
  });

  it('of somebody else are none of ours', async () => {
    const foreign = await sharp(image.data, { raw: { width: 3, height: 2, channels: 3 } })
      .withExif({ IFD0: { ImageDescription: 'a holiday' } })
      .jpeg()
      .toBuffer();
    expect(await readParameters(foreign)).toBeUndefined();
    const png = insertPngChunks(await encodeImage(image, { format: 'png' }), [
      pngTextChunk(PARAMETERS_KEYWORD, '[1]'),
    ]);
    expect(await readParameters(png)).toBeUndefined();
    await expect(readParameters(Buffer.from('text'))).rejects.toMatchObject({ code: 'ERR_SVGT2I_IMAGE' });
  });
});

const formats = ['png', 'jpeg', 'webp'] as const;

describe('parameters survive sharp', () => {
  const pairs = formats.flatMap((from) => formats.map((to) => [from, to] as const));

  it.each(pairs)('from %s to %s with keepMetadata()', async (from, to) => {
    const bytes = await encodeImage(image, { format: from, parameters });
    const copy = await sharp(bytes).keepMetadata().toFormat(to).toBuffer();
    expect(await readParameters(copy)).toEqual(parameters);
  });

  it('through AVIF and back', async () => {
    const bytes = await encodeImage(image, { format: 'png', parameters });
    const copy = await sharp(bytes).keepMetadata().avif().toBuffer();
    const back = await sharp(copy).keepMetadata().png().toBuffer();
    expect(await readParameters(back)).toEqual(parameters);
  });
});

describe('what other tools look for', () => {
  const drawn = {
    prompt: 'a "red" fox, 写实\nin snow',
    negativePrompt: 'blur',
    width: 48,
    height: 32,
    seed: 7,
    steps: 25,
    solver: 'dpm++',
    order: 2,
    method: 'multistep',
    guidanceScale: 4.5,
    dit: 'dit-tiny/a,b.pth',
    software: 'svg-t2i 1',
  };
  const text = [
    'a "red" fox, 写实',
    'in snow',
    'Negative prompt: blur',
    'Steps: 25, Sampler: DPM++ 2M, CFG scale: 4.5, Seed: 7, Size: 48x32, Model: "dit-tiny/a,b.pth", Version: svg-t2i 1',
  ].join('\n');

  it('is the text of A1111', () => {
    expect(infotextOf(drawn)).toBe(text);
    expect(infotextOf({ seed: 1 })).toBeUndefined();
    expect(infotextOf({ prompt: 'a', negativePrompt: '', solver: 'rk4' })).toBe('a\nSampler: rk4');
  });

  it('stands in the PNG chunk "parameters": tEXt where Latin-1 can say it', async () => {
    const utf8 = await encodeImage(image, { format: 'png', parameters: drawn });
    expect(await firstText(utf8, 'parameters')).toBe(text);
    expect(utf8.toString()).toContain('iTXtparameters\0');
    const latin = await encodeImage(image, { format: 'png', parameters: { prompt: 'café', seed: 1 } });
    expect(Buffer.from(latin).toString('latin1')).toContain('tEXtparameters\0café\nSeed: 1');
  });

  it.each(formats)('stands in the EXIF UserComment of %s, in UTF-16 with its code', async (format) => {
    const bytes = await encodeImage(image, { format, parameters: drawn });
    const { exif = Buffer.alloc(0) } = await sharp(bytes).metadata();
    const at = exif.indexOf('UNICODE\0');
    expect(at).toBeGreaterThan(0);
    const length = Buffer.byteLength(text, 'utf16le');
    const comment = Buffer.from(exif.subarray(at + 8, at + 8 + length));
    expect(comment.swap16().toString('utf16le')).toBe(text);
  });

  it.each(formats)('a %s claims no dots per inch', async (format) => {
    for (const options of [{ format }, { format, parameters: drawn }]) {
      const { density } = await sharp(await encodeImage(image, options)).metadata();
      // 72 is what libvips says where a file says nothing.
      expect([undefined, 72]).toContain(density);
    }
  });
});

describe('files', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'svg-metadata-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it.each(formats)('of %s are read in a few places, as the bytes are', async (format) => {
    const data = new Uint8Array(400 * 300 * 3).map((_, i) => (i * 2654435761) >>> 13);
    const noisy = rgbImage(400, 300, data);
    const bytes = Buffer.from(await encodeImage(noisy, { format, parameters }));
    const path = join(folder, `a.${format}`);
    writeFileSync(path, bytes);
    expect(await readFileParameters(path)).toEqual(parameters);
    for (const length of [0, 3, 12, 20, 40, 300, 5000]) {
      writeFileSync(path, bytes.subarray(0, length));
      const read = (call: () => Promise<unknown>) => call().catch((error: { code: string }) => error.code);
      expect(await read(() => readFileParameters(path))).toEqual(
        await read(() => readParameters(bytes.subarray(0, length))),
      );
    }
  });

  it('that are none are named', async () => {
    await expect(readFileParameters(join(folder, 'no.png'))).rejects.toMatchObject({
      code: 'ERR_SVGT2I_FILE_NOT_FOUND',
    });
    await expect(readFileParameters(folder)).rejects.toThrow(/is no regular file/);
  });
});

it('writes JSON in ASCII', () => {
  expect(toAsciiJson({ a: 'é\u{1f98a}\u007f' })).toBe('{"a":"\\u00e9\\ud83e\\udd8a\\u007f"}');
});

describe('readPngTexts', () => {
  const signature = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
  const chunkOf = (type: string, data: Buffer) => {
    const head = Buffer.alloc(8);
    head.writeUInt32BE(data.length);
    head.write(type, 4, 'latin1');
    return Buffer.concat([head, data, Buffer.alloc(4)]);
  };
  const png = (type: string, data: Buffer) => Buffer.concat([signature, chunkOf(type, data)]);

  it('reads all three kinds of text', async () => {
    expect(await firstText(png('tEXt', Buffer.from('k\0caf\xe9', 'latin1')), 'k')).toBe('café');
    const zipped = deflateSync(Buffer.from('zip'));
    expect(await firstText(png('zTXt', Buffer.concat([Buffer.from('k\0\0'), zipped])), 'k')).toBe('zip');
    expect(await firstText(png('iTXt', Buffer.concat([Buffer.from('k\0\x01\0de\0K\0'), zipped])), 'k')).toBe(
      'zip',
    );
    expect(await firstText(png('iTXt', Buffer.from('k\0\0\0\0\0写')), 'k')).toBe('写');
  });

  it('finds nothing in chunks that lie', async () => {
    const bomb = deflateSync(Buffer.alloc(64 * 1024 * 1024));
    expect(await firstText(png('zTXt', Buffer.concat([Buffer.from('k\0\0'), bomb])), 'k')).toBeUndefined();
    expect(await firstText(png('zTXt', Buffer.from('k\0\0no deflate')), 'k')).toBeUndefined();
    expect(await firstText(png('iTXt', Buffer.from('k\0\0\0no end')), 'k')).toBeUndefined();
    expect(await firstText(png('tEXt', Buffer.from('k without end')), 'k')).toBeUndefined();
    const whole = png('tEXt', Buffer.from('k\0text'));
    for (let length = 0; length < whole.length; length++) {
      expect(await firstText(whole.subarray(0, length), 'k')).toBeUndefined();
    }
    const lying = Buffer.from(whole);
    lying.writeUInt32BE(0xffffffff, 8);
    expect(await firstText(lying, 'k')).toBeUndefined();
  });
});

describe('readExifDescription', () => {
  it('reads both byte orders and short texts', () => {
    const big = Buffer.from('MM\0*\0\0\0\x08\0\x01\x01\x0e\0\x02\0\0\0\x03ab\0\0\0\0\0\0', 'latin1');
    expect(readExifDescription(big)).toBe('ab');
    const little = Buffer.from(
      'Exif\0\0II*\0\x08\0\0\0\x01\0\x0e\x01\x02\0\x06\0\0\0\x1a\0\0\0\0\0\0\0hello\0',
      'latin1',
    );
    expect(readExifDescription(little)).toBe('hello');
  });

  it('never reads outside the block', () => {
    const block = Buffer.from(
      'II*\0\x08\0\0\0\x01\0\x0e\x01\x02\0\x06\0\0\0\x1a\0\0\0\0\0\0\0hello\0',
      'latin1',
    );
    for (let length = 0; length < block.length; length++) {
      expect(readExifDescription(block.subarray(0, length))).toBeUndefined();
    }
    for (const at of [4, 10, 14, 18]) {
      const lying = Buffer.from(block);
      lying.fill(0xff, at, at + 2);
      expect(readExifDescription(lying)).toBeUndefined();
    }
  });
});
