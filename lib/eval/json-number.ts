/** Numbers that JSON has none for, as texts: the PSNR of equal pictures is infinite. */

/** For JSON.stringify: Infinity becomes "inf", NaN null. */
export function withoutInfinity(_key: string, value: unknown): unknown {
  if (typeof value !== 'number' || Number.isFinite(value)) return value;
  if (Number.isNaN(value)) return null;
  return value > 0 ? 'inf' : '-inf';
}

/** The same of a whole value, for writers that stringify by themselves. */
export function finiteJson(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, withoutInfinity));
}
