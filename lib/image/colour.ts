/** 8-bit pixels of other kinds as RGB, with Pillow's rounding: the original prepares its pictures with it. */
import { SvgT2IError } from '../errors.js';

/** a * b / 255 of two levels, rounded. */
function multiply(a: number, b: number): number {
  const product = a * b + 128;
  return ((product >> 8) + product) >> 8;
}

/** Ink (n, 4) to (n, 3), without colour profiles. */
export function cmykToRgb(data: Uint8Array): Uint8Array {
  const count = data.length / 4;
  const rgb = new Uint8Array(count * 3);
  for (let pixel = 0; pixel < count; pixel++) {
    const light = 255 - (data[pixel * 4 + 3] as number);
    for (let channel = 0; channel < 3; channel++) {
      rgb[pixel * 3 + channel] = light - multiply(data[pixel * 4 + channel] as number, light);
    }
  }
  return rgb;
}

/**
 * Grey or RGB, with or without alpha, (n, 1 to 4) to (n, 3).
 *
 * @param paste whether the alpha channel is pasted on white; otherwise it is dropped
 */
export function toRgb(data: Uint8Array, channels: number, paste: boolean): Uint8Array {
  // A plain view: Buffer.slice() would share memory where Uint8Array.slice() copies.
  if (channels === 3) return new Uint8Array(data.buffer, data.byteOffset, data.length);
  if (channels !== 1 && channels !== 2 && channels !== 4) {
    throw new SvgT2IError('ERR_SVGT2I_IMAGE', `a picture of ${channels} channels is not supported`);
  }
  const count = data.length / channels;
  const hasAlpha = channels !== 1;
  const rgb = new Uint8Array(count * 3);
  for (let pixel = 0; pixel < count; pixel++) {
    const from = pixel * channels;
    const alpha = hasAlpha && paste ? (data[from + channels - 1] as number) : 255;
    for (let channel = 0; channel < 3; channel++) {
      const level = data[from + (channels < 3 ? 0 : channel)] as number;
      rgb[pixel * 3 + channel] = alpha === 255 ? level : pasteOnWhite(level, alpha);
    }
  }
  return rgb;
}

function pasteOnWhite(level: number, alpha: number): number {
  const sum = 255 * (255 - alpha) + level * alpha + 128;
  return ((sum >> 8) + sum) >> 8;
}
