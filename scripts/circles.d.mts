/** A circle names its first node again at its end. */
export function circlesOf(arrows: ReadonlyMap<string, Iterable<string>>): string[][];
