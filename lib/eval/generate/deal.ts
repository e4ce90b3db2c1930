/** Which of several processes draws which files. */
import type { PictureFile } from '../layouts/plan.js';

/**
 * Deals files out so that pictures which one process would draw together stay together: then they are the same pictures,
 * however many processes draw them. Processes that would get nothing are left out.
 */
export function deal(
  files: readonly PictureFile[],
  { nproc, batchSize }: { readonly nproc: number; readonly batchSize: number },
): readonly (readonly PictureFile[])[] {
  const perFile = files[0]?.pictures.length ?? 1;
  const together = (batchSize * perFile) / greatestCommonDivisor(batchSize, perFile) / perFile;
  const shares: PictureFile[][] = Array.from({ length: nproc }, () => []);
  for (let start = 0, turn = 0; start < files.length; start += together, turn++) {
    shares[turn % nproc]?.push(...files.slice(start, start + together));
  }
  return shares.filter(({ length }) => length > 0);
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
