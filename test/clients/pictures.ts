/** Pictures that clients send, and what they got. */
import { sniffImageFormat } from '../../lib/image/format.js';

/** The smallest PNG: one grey pixel. */
export const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==',
  'base64',
);

/** `png`, `jpeg` or `webp`, by the first bytes. */
export function formatOf(base64: string | null | undefined): string | undefined {
  return sniffImageFormat(Buffer.from(base64 ?? '', 'base64'));
}
