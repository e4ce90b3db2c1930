/** Whether a file that will be written is one that is read. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileError, SvgT2IError, systemErrorCode } from '../errors.js';

/** A line for each pair. Not the name that lists of pictures have. */
export const PAIRS_FILE = 'pairs.jsonl';

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

/** Files that an evaluation with an output folder writes there. */
const REPORT_FILES = ['report.html', 'results.json', PAIRS_FILE];

/**
 * None of the files of a report may be one that is read.
 *
 * @throws SvgT2IError ERR_SVGT2I_INVALID_ARGUMENT
 */
export async function checkReportFiles(folder: string, sources: readonly string[]): Promise<void> {
  for (const name of REPORT_FILES) {
    for (const source of sources) await checkNotSource(join(folder, name), source);
  }
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
