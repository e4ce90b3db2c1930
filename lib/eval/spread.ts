/** Which of many are shown. */

/** At most so many, evenly from the first to the last: a folder may hold one class after the other. */
export function spread<Item>(items: readonly Item[], most: number): readonly Item[] {
  if (items.length <= most) return items;
  return Array.from({ length: most }, (_, i) => items[Math.floor((i * items.length) / most)] as Item);
}
