/** The ImageDescription of an EXIF block: the one tag in which JPEG and WebP pictures carry their parameters. */

const IMAGE_DESCRIPTION = 0x010e;
const TYPE_ASCII = 2;
const ENTRY_BYTES = 12;

/**
 * ASCII text of the ImageDescription tag in the first directory; undefined where it is missing or the block is no
 * whole TIFF structure (Exif 2.32, section 4.6.2). Every offset is checked.
 */
export function readExifDescription(exif: Uint8Array): string | undefined {
  let block = Buffer.from(exif.buffer, exif.byteOffset, exif.byteLength);
  if (block.toString('latin1', 0, 6) === 'Exif\0\0') block = block.subarray(6);
  if (block.length < 8) return undefined;
  const order = block.toString('latin1', 0, 2);
  if (order !== 'II' && order !== 'MM') return undefined;
  const little = order === 'II';
  const uint16 = (at: number) => (little ? block.readUInt16LE(at) : block.readUInt16BE(at));
  const uint32 = (at: number) => (little ? block.readUInt32LE(at) : block.readUInt32BE(at));

  const directory = uint32(4);
  if (directory + 2 > block.length) return undefined;
  const entries = uint16(directory);
  for (let i = 0; i < entries; i++) {
    const at = directory + 2 + i * ENTRY_BYTES;
    if (at + ENTRY_BYTES > block.length) return undefined;
    if (uint16(at) !== IMAGE_DESCRIPTION || uint16(at + 2) !== TYPE_ASCII) continue;
    const length = uint32(at + 4);
    // Up to four bytes lie in the entry itself.
    const start = length <= 4 ? at + 8 : uint32(at + 8);
    if (start + length > block.length) return undefined;
    return block.toString('latin1', start, start + length).replace(/\0+$/, '');
  }
  return undefined;
}
