/** Bytes, seconds and rates as an estimate says them: two or three digits, since it knows no more. */

/** 1234567890 as "1.23 GB". */
export function gigabytes(bytes: number): string {
  const [value, unit] = bytes >= 1e9 ? [bytes / 1e9, 'GB'] : [bytes / 1e6, 'MB'];
  return `${value >= 100 ? Math.round(value) : value.toPrecision(3)} ${unit}`;
}

/** 0.012 as "12 ms", 65 as "65 s", 4000 as "1 h 7 min". */
export function duration(seconds: number): string {
  if (seconds < 0.0995) return `${(1000 * seconds).toPrecision(2)} ms`;
  if (seconds < 100) return `${seconds < 9.95 ? seconds.toPrecision(2) : Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 100) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 100 ? `${hours} h ${minutes % 60} min` : `${Math.round(hours / 24)} days`;
}

/** 2_611_000_000 as "2.61 billion". */
export function quantity(value: number): string {
  if (value < 1e6) return String(value);
  const [scaled, name] = value >= 1e9 ? [value / 1e9, 'billion'] : [value / 1e6, 'million'];
  return `${scaled >= 100 ? Math.round(scaled) : scaled.toPrecision(3)} ${name}`;
}

const powers = ['', 'k', 'M', 'G', 'T', 'P', 'E'] as const;

/** 1.2e12 of "FLOP" as "1.2 TFLOP". */
export function count(value: number, unit: string): string {
  const power = Math.min(powers.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, value)) / 3)));
  const scaled = value / 1000 ** power;
  return `${scaled >= 100 ? Math.round(scaled) : scaled.toPrecision(3)} ${powers[power]}${unit}`;
}
