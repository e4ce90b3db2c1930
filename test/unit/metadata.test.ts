import { deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { encodeImage } from '../../lib/image/encode.js';
import { readExifDescription } from '../../lib/image/exif-text.js';
import {
  exifDescription,
  PARAMETERS_KEYWORD,
  readParameters,
  toAsciiJson,
} from '../../lib/image/parameters.js';
import { insertPngText, readPngText } from '../../lib/image/png-text.js';
import { rgbImage } from '../../lib/image/rgb-image.js';

const image = rgbImage(3, 2, new Uint8Array(18).fill(9));
const parameters = {
  prompt: '写实 "a fox" \u{1f98a}\n\u0000 naïve',
  seed: 7,
  size: { width: 48 },
  list: [1, 2.5, null],
};

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
    const png = insertPngText(await encodeImage(image, { format: 'png' }), PARAMETERS_KEYWORD, '[1]');
    expect(await readParameters(png)).toBeUndefined();
    await expect(readParameters(Buffer.from('text'))).rejects.toMatchObject({ code: 'ERR_SVGT2I_IMAGE' });
  });
});

it('writes JSON in ASCII', () => {
  expect(toAsciiJson({ a: 'é\u{1f98a}\u007f' })).toBe('{"a":"\\u00e9\\ud83e\\udd8a\\u007f"}');
});

describe('readPngText', () => {
  const signature = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
  const chunkOf = (type: string, data: Buffer) => {
    const head = Buffer.alloc(8);
    head.writeUInt32BE(data.length);
    head.write(type, 4, 'latin1');
    return Buffer.concat([head, data, Buffer.alloc(4)]);
  };
  const png = (type: string, data: Buffer) => Buffer.concat([signature, chunkOf(type, data)]);

  it('reads all three kinds of text', () => {
    expect(readPngText(png('tEXt', Buffer.from('k\0caf\xe9', 'latin1')), 'k')).toBe('café');
    const zipped = deflateSync(Buffer.from('zip'));
    expect(readPngText(png('zTXt', Buffer.concat([Buffer.from('k\0\0'), zipped])), 'k')).toBe('zip');
    expect(readPngText(png('iTXt', Buffer.concat([Buffer.from('k\0\x01\0de\0K\0'), zipped])), 'k')).toBe(
      'zip',
    );
    expect(readPngText(png('iTXt', Buffer.from('k\0\0\0\0\0写')), 'k')).toBe('写');
  });

  it('finds nothing in chunks that lie', () => {
    const bomb = deflateSync(Buffer.alloc(64 * 1024 * 1024));
    expect(readPngText(png('zTXt', Buffer.concat([Buffer.from('k\0\0'), bomb])), 'k')).toBeUndefined();
    expect(readPngText(png('zTXt', Buffer.from('k\0\0no deflate')), 'k')).toBeUndefined();
    expect(readPngText(png('iTXt', Buffer.from('k\0\0\0no end')), 'k')).toBeUndefined();
    expect(readPngText(png('tEXt', Buffer.from('k without end')), 'k')).toBeUndefined();
    const whole = png('tEXt', Buffer.from('k\0text'));
    for (let length = 0; length < whole.length; length++) {
      expect(readPngText(whole.subarray(0, length), 'k')).toBeUndefined();
    }
    const lying = Buffer.from(whole);
    lying.writeUInt32BE(0xffffffff, 8);
    expect(readPngText(lying, 'k')).toBeUndefined();
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
