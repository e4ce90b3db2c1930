/** Byte counts as people write and read them. */
import { SvgT2IError } from '../errors.js';

const units = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

/** 1536000 as "1.54 MB". */
export function formatBytes(bytes: number): string {
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)));
  const value = bytes / 1000 ** power;
  return `${power === 0 ? value : value.toPrecision(3)} ${units[power]}`;
}

/** "500MB", "4.5 GB" or "1000" to bytes. Throws ERR_SVGT2I_USAGE. */
export function parseBytes(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([kmgt]?b?)$/i.exec(text.trim());
  const prefix = match?.[2]?.replace(/b$/i, '').toLowerCase() ?? '';
  const bytes = Math.round(Number(match?.[1]) * 1000 ** ['', 'k', 'm', 'g', 't'].indexOf(prefix));
  if (match === null || bytes < 1) {
    throw new SvgT2IError('ERR_SVGT2I_USAGE', `"${text}" is no size`, {
      hint: 'Write it as 500MB or 4.5GB.',
    });
  }
  return bytes;
}
