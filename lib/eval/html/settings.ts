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
    return [[name, valueText(value)] as const];
  });
}

/** A list of plain values with commas, an empty text in quotes. */
function valueText(value: unknown): string {
  if (typeof value === 'string') return value === '' ? '""' : value;
  if (Array.isArray(value) && value.every((entry) => typeof entry !== 'object')) return value.join(', ');
  return JSON.stringify(value) ?? String(value);
}

function isTree(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
