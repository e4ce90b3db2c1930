/** Numbers as people read them. */

/**
 * @param {number} count
 * @param {string} thing
 */
export function plural(count, thing) {
  return `${count} ${thing}${count === 1 ? '' : 's'}`;
}

/**
 * @param {number} seconds
 * @returns {string} "8 s", "2 min 10 s", "1 h 5 min"
 */
export function duration(seconds) {
  const whole = Math.max(1, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return parts(Math.floor(whole / 60), 'min', whole % 60, 's');
  return parts(Math.floor(whole / 3600), 'h', Math.floor((whole % 3600) / 60), 'min');
}

/**
 * @param {number} large
 * @param {string} largeUnit
 * @param {number} small
 * @param {string} smallUnit
 */
function parts(large, largeUnit, small, smallUnit) {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}

/**
 * @param {number} bytes
 * @returns {string} "3 kB", "1.4 MB"
 */
export function byteSize(bytes) {
  if (bytes < 999_500) return `${Math.max(1, Math.round(bytes / 1000))} kB`;
  if (bytes < 999_500_000) return `${(bytes / 1e6).toFixed(bytes < 9.95e6 ? 1 : 0)} MB`;
  return `${(bytes / 1e9).toFixed(1)} GB`;
}

/** @param {number} pixels @returns {string} "0.3 megapixels" */
export function megapixels(pixels) {
  return plural(Number((pixels / 1e6).toPrecision(2)), 'megapixel');
}

/** @param {string} size @returns {string} "512 × 768" of "512x768" */
export function sizeWords(size) {
  return size.replace('x', ' × ');
}

/** A message of the server as a sentence. @param {string} message @returns {string} */
export function sentence(message) {
  const text = message.charAt(0).toUpperCase() + message.slice(1);
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

/** A setting's name as a label. @param {string} name @returns {string} "Skip type" of "skip_type" */
export function label(name) {
  const words = name.replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/**
 * A file name that says what is on the picture.
 *
 * @param {{ readonly subject: string, readonly seed: number, readonly format: string }} picture
 */
export function fileName({ subject, seed, format }) {
  const words = subject.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  let slug = '';
  for (const word of words) {
    if (slug.length + word.length > 40) break;
    slug += `${word}-`;
  }
  return `${slug === '' ? 'picture-' : slug}${seed}.${format === 'jpeg' ? 'jpg' : format}`;
}
