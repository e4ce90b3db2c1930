import { expect, it } from 'vitest';
import { deal } from '../../../lib/eval/generate/deal.js';
import type { PictureFile } from '../../../lib/eval/layouts/plan.js';

const files = (count: number, perFile: number): readonly PictureFile[] =>
  Array.from({ length: count }, (_, i) => ({
    path: `${i}.png`,
    pictures: Array.from({ length: perFile }, (_, j) => i * perFile + j),
  }));

const batches = (share: readonly PictureFile[], size: number): readonly string[] => {
  const pictures = share.flatMap((file) => file.pictures);
  return Array.from({ length: Math.ceil(pictures.length / size) }, (_, i) =>
    pictures.slice(i * size, (i + 1) * size).join(),
  );
};

it.each([
  [7, 1, 1],
  [7, 1, 3],
  [10, 4, 3],
  [9, 4, 6],
  [5, 4, 8],
  [3, 1, 16],
])(
  '%i files of %i picture(s) in batches of %i: each is drawn once, beside the same others',
  (count, perFile, batchSize) => {
    const all = files(count, perFile);
    const alone = batches(all, batchSize);
    for (const nproc of [1, 2, 3, 8]) {
      const shares = deal(all, { nproc, batchSize });
      expect(shares.length).toBeLessThanOrEqual(nproc);
      expect(shares.every((share) => share.length > 0)).toBe(true);
      expect(
        shares
          .flat()
          .map(({ path }) => path)
          .sort(),
      ).toEqual(all.map(({ path }) => path).sort());
      expect(shares.flatMap((share) => batches(share, batchSize)).sort()).toEqual([...alone].sort());
    }
  },
);

it('gives processes shares of like size', () => {
  expect(deal(files(10, 1), { nproc: 4, batchSize: 1 }).map(({ length }) => length)).toEqual([3, 3, 2, 2]);
});
