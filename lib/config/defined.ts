/** The entries of an object that say something: a key that is there but undefined says nothing. */
export function defined<Values extends object>(values: Values): Partial<Values> {
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== undefined),
  ) as Partial<Values>;
}

/** The keys of an object that is written down, as a schema's enum takes them. */
export function keysOf<Key extends string>(object: Readonly<Record<Key, unknown>>): [Key, ...Key[]] {
  return Object.keys(object) as [Key, ...Key[]];
}
