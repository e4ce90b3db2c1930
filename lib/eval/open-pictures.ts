/** Opens a set of pictures by its path: a folder, an npz, a list. */
import { stat } from 'node:fs/promises';
import { fileError, SvgT2IError } from '../errors.js';
import { HEAD_BYTES, sniffImageFormat } from '../image/format.js';
import { openRegular } from '../regular-file.js';
import { PictureFiles } from './picture-files.js';
import { openPictureNpz } from './picture-npz.js';
import type { PictureSource } from './picture-set.js';
import type { SettledReading } from './reading.js';

const KINDS =
  'Give a folder of pictures, an .npz with arr_0 or with mu and sigma, or a list of pictures (.jsonl, .json).';

/**
 * @throws SvgT2IError ERR_SVGT2I_FILE_NOT_FOUND, ERR_SVGT2I_IO, ERR_SVGT2I_FILE_FORMAT: a folder without pictures, a file of
 *   another kind, an npz that is broken
 *
 * @example
 * const source = await openPictures('out/', settleReading(reading));
 * for await (const { name, image } of source.pictures({ onBad })) console.log(name, image.width);
 */
export async function openPictures(path: string, reading: SettledReading): Promise<PictureSource> {
  let isFolder: boolean;
  try {
    isFolder = (await stat(path)).isDirectory();
  } catch (error) {
    throw fileError(error, 'read', path);
  }
  if (isFolder) return PictureFiles.folder(path, reading);
  const head = await headOf(path);
  if (head.toString('latin1', 0, 2) === 'PK' || path.toLowerCase().endsWith('.npz')) {
    return openPictureNpz(path, reading);
  }
  if (sniffImageFormat(head) !== undefined) {
    throw new SvgT2IError('ERR_SVGT2I_FILE_FORMAT', `${path} is one picture, not a set of them`, {
      hint: KINDS,
    });
  }
  const other = otherKindOf(head);
  if (other !== undefined) {
    throw new SvgT2IError(
      'ERR_SVGT2I_FILE_FORMAT',
      `${path} is ${other}, which is not read as a set of pictures`,
      {
        hint: KINDS,
      },
    );
  }
  return PictureFiles.list(path, reading);
}

/** Files that hold such sets elsewhere. */
function otherKindOf(head: Buffer): string | undefined {
  if (head.toString('latin1', 1, 6) === 'NUMPY') return 'a single array (.npy)';
  if (head[0] === 0x80 && (head[1] ?? 0) <= 5) return 'a pickle';
  if (head[0] === 0x1f && head[1] === 0x8b) return 'a gzip file';
  if (head.toString('latin1', 0, 4) === 'PAR1') return 'a parquet file';
  return undefined;
}

async function headOf(path: string): Promise<Buffer> {
  const file = await openRegular(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
    return buffer.subarray(0, bytesRead);
  } catch (error) {
    throw fileError(error, 'read', path);
  } finally {
    await file.close();
  }
}
