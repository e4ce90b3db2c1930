/** `svg-t2i bench --count`: the tables of what a GPU is given to do. */
import type { CountedSide, CountRow } from '../bench/count.js';
import { formatTable } from './output.js';
import { formatBytes } from './units.js';

const HEADER = [
  'row',
  'path',
  'launches',
  'products',
  'attention',
  'least',
  'other bytes',
  'of plain',
  'copies in',
  'host reads',
];

/** A line of ours and one of the plain path for each row. */
export function countTable(rows: readonly CountRow[]): string {
  return formatTable(HEADER, rows.flatMap(lines));
}

function lines({ name, ours, plain, leastFlops }: CountRow): readonly (readonly string[])[] {
  return [
    cells(name, 'ours', ours, leastFlops, ours.passBytes / plain.passBytes),
    cells(name, 'plain', plain, leastFlops, 1),
  ];
}

function cells(
  name: string,
  path: string,
  side: CountedSide,
  least: number,
  share: number,
): readonly string[] {
  const { launches, productFlops, attentionFlops, passBytes, uploads, hostReads } = side;
  const flops = productFlops + attentionFlops;
  return [
    name,
    path,
    `${launches}`,
    formatFlops(productFlops),
    formatFlops(attentionFlops),
    least === 0 ? '' : `x ${(flops / least).toFixed(3)}`,
    formatBytes(passBytes),
    share.toFixed(3),
    `${uploads}`,
    `${hostReads}`,
  ];
}

/** What each side is made of, by operation; most launches first. */
export function operationTables({ name, ours, plain }: CountRow): string {
  const table = (path: string, { operations }: CountedSide) => {
    const rows = [...operations]
      .sort((a, b) => b.launches - a.launches || b.bytes - a.bytes)
      .map((one) => [
        one.name,
        one.kind,
        `${one.launches}`,
        one.flops > 0 ? formatFlops(one.flops) : '',
        formatBytes(one.bytes),
      ]);
    return formatTable([`${name}, ${path}`, 'kind', 'launches', 'flops', 'bytes'], rows);
  };
  return `${table('ours', ours)}\n\n${table('plain', plain)}`;
}

/** 2710000000000 as "2.710 T". */
function formatFlops(flops: number): string {
  return flops >= 1e12 ? `${(flops / 1e12).toFixed(3)} T` : `${(flops / 1e9).toFixed(1)} G`;
}
