import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { crc32, deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { cmykToRgb } from '../../lib/image/colour.js';
import { decodeImage, readImage, readImageSize } from '../../lib/image/decode.js';
import { encodeImage, outputFormatOf } from '../../lib/image/encode.js';
import { gridImage } from '../../lib/image/grid.js';
import { psnr } from '../../lib/image/psnr.js';
import { type RgbImage, rgbImage } from '../../lib/image/rgb-image.js';
import { goldenFolder } from './golden.js';

const folder = mkdtempSync(join(tmpdir(), 'svg-t2i-image-'));
const dataFile = (name: string) => fileURLToPath(new URL(`../data/${name}`, import.meta.url));

function filled(width: number, height: number, level: number): RgbImage {
  return rgbImage(width, height, new Uint8Array(width * height * 3).fill(level));
}

function gradient(width: number, height: number): RgbImage {
  const data = new Uint8Array(width * height * 3);
  for (let i = 0; i < data.length; i++) data[i] = (i * 7) % 256;
  return rgbImage(width, height, data);
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}

/** A PNG that claims a size; `rows` are its raw scan lines. */
function pngOf(width: number, height: number, colourType: number, rows: Buffer, ...chunks: Buffer[]): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, colourType], 8);
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', header),
    ...chunks,
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

describe('decodeImage', () => {
  it('pastes transparency on white with rounding', async () => {
    const raw = Buffer.from([0, 0, 0, 128, 255, 0, 10, 0, 10, 20, 30, 255]);
    const png = await sharp(raw, { raw: { width: 3, height: 1, channels: 4 } })
      .png()
      .toBuffer();
    expect([...(await decodeImage(png)).data]).toEqual([127, 127, 127, 255, 255, 255, 10, 20, 30]);
  });

  it('drops the transparency of a palette', async () => {
    const palette = chunk('PLTE', Buffer.from([1, 2, 3, 40, 50, 60]));
    const png = pngOf(2, 1, 3, Buffer.from([0, 0, 1]), palette, chunk('tRNS', Buffer.from([0, 128])));
    expect([...(await decodeImage(png)).data]).toEqual([1, 2, 3, 40, 50, 60]);
  });

  it('makes grey with and without alpha RGB', async () => {
    const grey = pngOf(2, 1, 0, Buffer.from([0, 7, 200]));
    expect([...(await decodeImage(grey)).data]).toEqual([7, 7, 7, 200, 200, 200]);
    const greyAlpha = pngOf(2, 1, 4, Buffer.from([0, 7, 255, 200, 0]));
    expect([...(await decodeImage(greyAlpha)).data]).toEqual([7, 7, 7, 255, 255, 255]);
  });

  it('takes ink for what it lets through, without a colour profile', async () => {
    expect([...cmykToRgb(Uint8Array.of(0, 128, 255, 0, 19, 91, 130, 218))]).toEqual([
      255, 127, 0, 34, 24, 18,
    ]);
    const white = { width: 8, height: 8, channels: 3, background: 'white' } as const;
    const jpeg = await sharp({ create: white }).toColourspace('cmyk').jpeg().toBuffer();
    expect((await sharp(jpeg).metadata()).space).toBe('cmyk');
    expect(await decodeImage(jpeg)).toEqual(filled(8, 8, 255));
  });

  it('takes the first frame of a GIF', async () => {
    const raw = { width: 2, height: 4, channels: 3, pageHeight: 2 } as const;
    const frames = Buffer.concat([Buffer.alloc(12, 255), Buffer.alloc(12, 0)]);
    const gif = await sharp(frames, { raw }).gif().toBuffer();
    expect(await decodeImage(gif)).toEqual(filled(2, 2, 255));
  });

  it('turns a picture upright as its EXIF says, unless told not to', async () => {
    const { data } = gradient(4, 2);
    const jpeg = await sharp(data, { raw: { width: 4, height: 2, channels: 3 } })
      .withMetadata({ orientation: 6 })
      .jpeg()
      .toBuffer();
    expect(await decodeImage(jpeg)).toMatchObject({ width: 2, height: 4 });
    expect(await decodeImage(jpeg, { autoOrient: false })).toMatchObject({ width: 4, height: 2 });
  });

  it('refuses a bomb by its header', async () => {
    const bomb = pngOf(60_000, 60_000, 2, Buffer.alloc(100));
    const before = process.memoryUsage().rss;
    await expect(decodeImage(bomb, { name: 'bomb.png' })).rejects.toMatchObject({
      code: 'ERR_SVGT2I_IMAGE',
      message: expect.stringMatching(/^bomb\.png has 60000x60000 pixels \(3600\.0 MP\), more than 67\.1 MP$/),
    });
    expect(process.memoryUsage().rss - before).toBeLessThan(100e6);
  });

  it('takes a limit of its own', async () => {
    const png = await encodeImage(filled(10, 10, 3), { format: 'png' });
    await expect(decodeImage(png, { maxPixels: 99 })).rejects.toThrow(/more than/);
    await expect(decodeImage(png, { maxBytes: 20 })).rejects.toThrow(/more than the limit of 20/);
  });

  it.each(['png', 'jpeg', 'webp'] as const)('refuses a %s that is cut', async (format) => {
    const bytes = await encodeImage(gradient(64, 64), { format });
    await expect(decodeImage(bytes.subarray(0, bytes.length / 2))).rejects.toMatchObject({
      code: 'ERR_SVGT2I_IMAGE',
      message: expect.stringMatching(/^picture cannot be decoded: [^\n]+$/),
    });
    await expect(decodeImage(bytes.subarray(0, 20))).rejects.toMatchObject({ code: 'ERR_SVGT2I_IMAGE' });
  });

  it('hands nothing else to a decoder', async () => {
    const texts: readonly (readonly [text: string, reason: string])[] = [
      ['<svg xmlns="http://www.w3.org/2000/svg"/>', 'is an SVG drawing, which is not read'],
      ['<!DOCTYPE html><p>404', 'is an HTML page, which is not read'],
      ['%PDF-1.4', 'is a PDF file, which is not read'],
      ['BM', 'is a BMP picture, which is not read'],
      ['P6 2 2 255', 'is a PPM, PGM or PBM picture, which is not read'],
      ['\0\0\0\x0cjP  \r\n', 'is a JPEG 2000 picture, which is not read'],
      ['\0\0\0\x18ftypheic\0\0\0\0mif1heic', 'is a HEIC picture, which is not read'],
      ['\x1f\x8b\x08', 'is a gzip file, which is not read'],
      ['version https://git-lfs.github.com/spec/v1', 'is a pointer of Git LFS'],
      ['{"path"', 'is a JSON text, which is not read'],
      ['', 'is empty'],
      ['nothing known', 'is no PNG, JPEG, WebP, GIF, TIFF or AVIF file'],
    ];
    for (const [text, reason] of texts) {
      const refused = decodeImage(Buffer.from(text, 'latin1'), { name: 'x' });
      await expect(refused).rejects.toMatchObject({ code: 'ERR_SVGT2I_IMAGE' });
      await expect(refused).rejects.toThrow(`x ${reason}`);
    }
  });

  it('reads TIFF as it is, its first page', async () => {
    const { data } = gradient(40, 24);
    const raw = { width: 40, height: 24, channels: 3 } as const;
    for (const compression of ['none', 'lzw', 'deflate'] as const) {
      const tiff = await sharp(data, { raw }).tiff({ compression }).toBuffer();
      expect(await decodeImage(tiff)).toEqual(gradient(40, 24));
    }
    const turned = await sharp(data, { raw }).withMetadata({ orientation: 6 }).tiff().toBuffer();
    expect(await decodeImage(turned)).toMatchObject({ width: 24, height: 40 });
    expect(await decodeImage(turned, { autoOrient: false })).toMatchObject({ width: 40, height: 24 });
    await expect(decodeImage(turned.subarray(0, 1500))).rejects.toThrow(/cannot be decoded/);
    const cmyk = await sharp({ create: { ...raw, background: 'white' } })
      .toColourspace('cmyk')
      .tiff()
      .toBuffer();
    expect(await decodeImage(cmyk)).toEqual(filled(40, 24, 255));
  });

  it('refuses a TIFF whose samples it would get wrong', async () => {
    const raw = { width: 4, height: 4, channels: 3 } as const;
    await expect(readImage(dataFile('float.tif'))).rejects.toThrow(/samples of type float/);
    // PhotometricInterpretation: RGB to YCbCr.
    const ycbcr = await sharp(Buffer.alloc(48, 9), { raw }).tiff({ compression: 'none' }).toBuffer();
    const at = ycbcr.indexOf(Buffer.from('060103000100000002', 'hex'));
    ycbcr[at + 8] = 6;
    expect(at).toBeGreaterThan(0);
    await expect(decodeImage(ycbcr)).rejects.toThrow(/a TIFF of luma and chroma/);
  });

  it('refuses channels beyond colour and alpha', async () => {
    const raw = { width: 4, height: 4, channels: 3 } as const;
    const extra = [1, 2].map((level) => Buffer.alloc(16, level));
    const five = await sharp(Buffer.alloc(48, 9), { raw })
      .joinChannel(extra, { raw: { width: 4, height: 4, channels: 1 } })
      .tiff({ compression: 'none' })
      .toBuffer();
    expect((await sharp(five).metadata()).channels).toBe(5);
    await expect(decodeImage(five, { name: 'x' })).rejects.toThrow(
      'x has 5 channels, more than colour and alpha',
    );
    // PhotometricInterpretation: RGB to ink.
    five[five.indexOf(Buffer.from('060103000100000002', 'hex')) + 8] = 5;
    expect(await sharp(five).metadata()).toMatchObject({ channels: 5, space: 'cmyk' });
    await expect(decodeImage(five)).rejects.toThrow(/has 5 channels/);
  });

  it('reads AVIF', async () => {
    const smooth = rgbImage(
      40,
      24,
      Uint8Array.from({ length: 40 * 24 * 3 }, (_, i) => 4 * (Math.floor(i / 3) % 40) + (i % 3)),
    );
    const avif = await sharp(smooth.data, { raw: { width: 40, height: 24, channels: 3 } })
      .avif({ quality: 95, chromaSubsampling: '4:4:4' })
      .toBuffer();
    const decoded = await decodeImage(avif);
    expect(decoded).toMatchObject({ width: 40, height: 24 });
    expect(psnr(decoded, smooth)).toBeGreaterThan(40);
  });

  it('reads a GIF whose second frame is broken, as its first is whole', async () => {
    const raw = { width: 2, height: 4, channels: 3, pageHeight: 2 } as const;
    const gif = await sharp(Buffer.concat([Buffer.alloc(12, 255), Buffer.alloc(12, 0)]), { raw })
      .gif()
      .toBuffer();
    gif[gif.lastIndexOf(Buffer.from('2c0000000002000200', 'hex'))] = 0x77;
    expect(await decodeImage(gif)).toEqual(filled(2, 2, 255));
  });

  it('says what is wrong with a broken file', async () => {
    await expect(readImage(dataFile('jpeg-cut.jpg'))).rejects.toThrow(
      /cannot be decoded: .*premature end of JPEG/,
    );
    await expect(readImage(dataFile('png-bad-idat-crc.png'))).rejects.toThrow(
      /cannot be decoded: .*read error/,
    );
  });

  it('shows where nothing is in the frame as white or black, whatever colour the file has there', async () => {
    const transparent = await readImage(dataFile('gif-transparent-index.gif'));
    expect(transparent.data.filter((level) => level === 255).length).toBeGreaterThan(0);
    expect([...(await readImage(dataFile('webp-first-frame-part.webp'))).data.subarray(0, 3)]).toEqual([
      255, 255, 255,
    ]);
    expect([...(await readImage(dataFile('gif-small-first-frame.gif'))).data.subarray(-3)]).toEqual([
      0, 0, 0,
    ]);
  });
});

describe('readImageSize', () => {
  it('gives the size that readImage would, from the header', async () => {
    const turned = dataFile('exif-orientation-6.jpg');
    for (const autoOrient of [true, false]) {
      const { width, height } = await readImage(turned, { autoOrient });
      expect(await readImageSize(turned, { autoOrient })).toEqual({ width, height });
    }
    expect(await readImageSize(dataFile('jpeg-cut.jpg'))).toMatchObject({ width: expect.any(Number) });
    await expect(readImageSize(join(folder, 'none.png'))).rejects.toMatchObject({
      code: 'ERR_SVGT2I_FILE_NOT_FOUND',
    });
    await expect(readImageSize(dataFile('../unit/image.test.ts'))).rejects.toMatchObject({
      code: 'ERR_SVGT2I_IMAGE',
    });
  });
});

describe('readImage', () => {
  it('names the file', async () => {
    await expect(readImage(join(folder, 'none.png'))).rejects.toMatchObject({
      code: 'ERR_SVGT2I_FILE_NOT_FOUND',
    });
    await expect(readImage(folder)).rejects.toMatchObject({
      code: 'ERR_SVGT2I_FILE_FORMAT',
      message: `${folder} is a folder, not a regular file`,
    });
    const path = join(folder, 'text.png');
    writeFileSync(path, 'no picture');
    await expect(readImage(path)).rejects.toThrow(`${path} is no PNG`);
    await expect(readImage(path, { maxBytes: 4 })).rejects.toThrow(/10 bytes, more than the limit of 4/);
  });

  it('does not begin with a file without end', async () => {
    await expect(readImage('/dev/zero', { maxBytes: 1_000_000 })).rejects.toThrow(
      /is a device, not a regular file/,
    );
  });
});

describe('encodeImage', () => {
  it('keeps every pixel in a PNG', async () => {
    const image = gradient(33, 17);
    expect(await decodeImage(await encodeImage(image, { format: 'png' }))).toEqual(image);
  });

  it.each(['jpeg', 'webp'] as const)('writes %s by quality', async (format) => {
    const picture = await readImage(join(goldenFolder('image-preprocess'), '0_rgb_300x200.png'));
    const [low, high] = await Promise.all(
      [20, 95].map((quality) => encodeImage(picture, { format, quality })),
    );
    expect(low?.length).toBeLessThan(high?.length ?? 0);
    const decoded = await decodeImage(high ?? new Uint8Array());
    expect([decoded.width, decoded.height]).toEqual([300, 200]);
  });

  it('refuses what no format can hold', async () => {
    await expect(encodeImage(filled(2, 2, 0), { format: 'jpeg', quality: 0 })).rejects.toThrow(
      /quality: must be at least 1/,
    );
    await expect(encodeImage(filled(16_384, 1, 0), { format: 'webp' })).rejects.toMatchObject({
      code: 'ERR_SVGT2I_IMAGE',
    });
    expect(() => rgbImage(2, 2, new Uint8Array(11))).toThrow(/11 bytes/);
  });

  it('takes jpg for jpeg', async () => {
    const bytes = await encodeImage(filled(2, 2, 0), { format: 'jpg' });
    expect([...bytes.subarray(0, 3)]).toEqual([0xff, 0xd8, 0xff]);
  });

  it.each(['avif', 'JPEG', undefined, null, 5, {}])('refuses the format %s', async (format) => {
    await expect(encodeImage(filled(2, 2, 0), { format } as never)).rejects.toMatchObject({
      code: 'ERR_SVGT2I_INVALID_ARGUMENT',
      message: expect.stringContaining('format: must be one of png, jpeg, webp, jpg'),
    });
  });

  it.each([
    [undefined, 'must be a mapping'],
    [{ format: 'png', qualty: 5 }, 'did you mean "quality"?'],
  ])('refuses the options %j', async (options, message) => {
    await expect(encodeImage(filled(2, 2, 0), options as never)).rejects.toMatchObject({
      code: 'ERR_SVGT2I_INVALID_ARGUMENT',
      message: expect.stringContaining(message),
    });
  });

  it.each([
    null,
    {},
    { width: 2, height: 2, data: [1, 2] },
    { width: 2, height: 2, data: new Uint8Array(3) },
  ])('refuses to write %j', async (image) => {
    await expect(encodeImage(image as never, { format: 'png' })).rejects.toMatchObject({
      code: 'ERR_SVGT2I_INVALID_ARGUMENT',
    });
  });

  it('goes by the ending of a file name', () => {
    expect(['a.png', 'b.JPG', 'c.d.jpeg', 'e/f.webp'].map(outputFormatOf)).toEqual([
      'png',
      'jpeg',
      'jpeg',
      'webp',
    ]);
    expect(() => outputFormatOf('dir.png/file')).toThrow(/does not end as/);
    expect(() => outputFormatOf('a.gif')).toThrow(/does not end as/);
  });
});

describe('gridImage', () => {
  it('lays pictures out row by row, smaller ones in the middle of their cell', () => {
    const sheet = gridImage([filled(2, 2, 1), filled(1, 1, 2), filled(2, 1, 3)], { gapPx: 1 });
    expect([sheet.width, sheet.height]).toEqual([5, 5]);
    const red = Array.from({ length: 25 }, (_, i) => sheet.data[i * 3]);
    expect(red).toEqual(
      [
        [1, 1, 255, 2, 255],
        [1, 1, 255, 255, 255],
        [255, 255, 255, 255, 255],
        [3, 3, 255, 255, 255],
        [255, 255, 255, 255, 255],
      ].flat(),
    );
  });

  it('takes no more columns than pictures', () => {
    expect(gridImage([filled(2, 2, 1)], { columns: 5 })).toMatchObject({ width: 2, height: 2 });
    expect(() => gridImage([])).toThrow(/0 pictures/);
    expect(() => gridImage([filled(1, 1, 1)], { columns: 0 })).toThrow(/0 columns/);
  });
});

describe('psnr', () => {
  it('is 20 log10(255 / rmse)', () => {
    expect(psnr(filled(4, 4, 10), filled(4, 4, 15))).toBeCloseTo(20 * Math.log10(255 / 5), 10);
    expect(psnr(filled(4, 4, 10), filled(4, 4, 10))).toBe(Number.POSITIVE_INFINITY);
    expect(() => psnr(filled(4, 4, 1), filled(4, 5, 1))).toThrow(/4x4 cannot be compared with one of 4x5/);
  });
});
