/** Settings of any depth as rows of a table. */

/** A row a value: `sample.steps`, `50`. What is undefined has none. */
export function settingRows(
  settings: Readonly<Record<string, unknown>>,
  before = '',
): readonly (readonly [name: string, value: string])[] {
  return Object.entries(settings).flatMap(([key, value]) => {
    const name = before === '' ? key : `${before}.${key}`;
    if (value === undefined) return [];
    if (isTree(value)) return settingRows(value, name);
    return [[name, typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value))] as const];
  });
}

function isTree(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
