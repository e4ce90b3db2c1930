/** Connected pixels of a picture. Pixels are numbered row by row; neighbours share a side. */

/** Every group of connected pixels whose value is at least `least`. */
export function connected(
  values: Float32Array,
  width: number,
  least: number,
): readonly (readonly number[])[] {
  const isSeen = new Uint8Array(values.length);
  const groups: number[][] = [];
  for (let start = 0; start < values.length; start++) {
    if (isSeen[start] === 1 || (values[start] as number) < least) continue;
    isSeen[start] = 1;
    const group = [start];
    // The list grows while it is walked.
    for (const pixel of group) {
      for (const next of neighboursOf(pixel, width)) {
        if (isSeen[next] !== 0 || (values[next] as number) < least) continue;
        isSeen[next] = 1;
        group.push(next);
      }
    }
    groups.push(group);
  }
  return groups;
}

/** Shares out `pixels` among the cores that lie in them, each to the one that is fewest steps away. */
export function growInto(
  cores: readonly (readonly number[])[],
  pixels: readonly number[],
  width: number,
): readonly (readonly number[])[] {
  const free = new Set(pixels);
  for (const core of cores) for (const pixel of core) free.delete(pixel);
  const groups = cores.map((core) => [...core]);
  let fronts = cores;
  while (fronts.some((front) => front.length > 0)) {
    fronts = fronts.map((front, i) => {
      const reached = front.flatMap((pixel) =>
        neighboursOf(pixel, width).filter((next) => free.delete(next)),
      );
      groups[i]?.push(...reached);
      return reached;
    });
  }
  return groups;
}

/** Numbers beyond the last row belong to no pixel. */
function neighboursOf(pixel: number, width: number): readonly number[] {
  const column = pixel % width;
  const neighbours = [pixel - width, pixel + width];
  if (column > 0) neighbours.push(pixel - 1);
  if (column < width - 1) neighbours.push(pixel + 1);
  return neighbours;
}
