/** What of a TIFF's colours libvips gets wrong: it takes luma and chroma that are not JPEG for red, green and blue. */

const ENTRY_BYTES = 12;
const [COMPRESSION, PHOTOMETRIC] = [259, 262];
const YCBCR = 6;
const JPEG_COMPRESSIONS: readonly (number | undefined)[] = [6, 7];

/** Whether a TIFF (not BigTIFF) holds luma and chroma outside JPEG. */
export function hasPlainYcbcr(bytes: Uint8Array): boolean {
  const tags = firstDirectory(bytes);
  return tags.get(PHOTOMETRIC) === YCBCR && !JPEG_COMPRESSIONS.includes(tags.get(COMPRESSION));
}

/** The 16-bit values of the first directory by tag; nothing of a file that is cut or no classic TIFF. */
function firstDirectory(bytes: Uint8Array): ReadonlyMap<number, number> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const little = bytes[0] === 0x49;
  const tags = new Map<number, number>();
  if (bytes.length < 8 || view.getUint16(2, little) !== 42) return tags;
  const directory = view.getUint32(4, little);
  if (directory + 2 > bytes.length) return tags;
  const count = view.getUint16(directory, little);
  for (let i = 0; i < count; i++) {
    const at = directory + 2 + i * ENTRY_BYTES;
    if (at + ENTRY_BYTES > bytes.length) break;
    tags.set(view.getUint16(at, little), view.getUint16(at + 8, little));
  }
  return tags;
}
