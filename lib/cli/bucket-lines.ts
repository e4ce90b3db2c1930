/** What sizes the pictures of a run get, for people. */
import type { BucketCounts } from '../features/bucket-counts.js';

const MAX_NAMED = 8;

export function bucketLines({ sizes, counted, unreadable, items }: BucketCounts): readonly string[] {
  const isSample = counted < items;
  const named = sizes.slice(0, MAX_NAMED).map(({ width, height, count }) => {
    const shown = isSample ? `${((100 * count) / counted).toFixed(1)} %` : String(count);
    return `${width}x${height} ${shown}`;
  });
  const others = sizes.slice(MAX_NAMED);
  if (others.length > 0) {
    const rest = others.reduce((sum, { count }) => sum + count, 0);
    const shown = isSample ? `${((100 * rest) / counted).toFixed(1)} %` : String(rest);
    named.push(`${others.length} more sizes ${shown}`);
  }
  const from = isSample ? ` of ${counted} pictures drawn from ${items}` : '';
  return [
    `sizes${from}: ${named.join(', ')}`,
    ...(unreadable > 0 ? [`${unreadable} of ${counted} pictures have no header that can be read`] : []),
  ];
}
