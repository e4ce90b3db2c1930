/** Whether a file that will be written is one that is read. */
import { stat } from 'node:fs/promises';
import { fileError, SvgT2IError, systemErrorCode } from '../errors.js';

/**
 * By device and number, so that links lead nowhere.
 *
 * @throws SvgT2IError ERR_SVGT2I_INVALID_ARGUMENT where both are one file
 */
export async function checkNotSource(out: string, source: string): Promise<void> {
  const [one, other] = [await identityOf(out), await identityOf(source)];
  if (one === undefined || one !== other) return;
  throw new SvgT2IError(
    'ERR_SVGT2I_INVALID_ARGUMENT',
    `${out} is the file that is read, and would be replaced`,
    { hint: 'Give --out another name.' },
  );
}

/** Undefined where nothing is there yet. */
async function identityOf(path: string): Promise<string | undefined> {
  try {
    const { dev, ino } = await stat(path, { bigint: true });
    return `${dev}:${ino}`;
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw fileError(error, 'read', path);
  }
}
