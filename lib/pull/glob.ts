/** Patterns of files as `hf download --include` reads them: those of a shell, but * and ? match slashes as well. */
import { firstLine, SvgT2IError } from '../errors.js';

/** Whether a path matches; a pattern that ends with a slash stands for all below that folder. */
export function matches(pattern: string, path: string): boolean {
  return expressionOf(pattern.endsWith('/') ? `${pattern}*` : pattern).test(path);
}

function expressionOf(pattern: string): RegExp {
  let text = '';
  for (let at = 0; at < pattern.length; at += 1) {
    const sign = pattern[at] ?? '';
    const close = sign === '[' ? pattern.indexOf(']', at + 2) : -1;
    if (close > 0) {
      const inner = pattern
        .slice(at + 1, close)
        .replace(/[\\\]^]/g, '\\$&')
        .replace(/^!/, '^');
      text += `[${inner}]`;
      at = close;
    } else if (sign === '*') text += '.*';
    else if (sign === '?') text += '.';
    else text += sign.replace(/[\\^$.|+(){}[\]/]/, '\\$&');
  }
  try {
    return new RegExp(`^${text}$`, 's');
  } catch (error) {
    throw new SvgT2IError(
      'ERR_SVGT2I_INVALID_ARGUMENT',
      `include: "${pattern}" is no pattern: ${firstLine(error)}`,
      {
        hint: 'In brackets stand signs, or ranges from a lower one to a higher one: [a-z], [!0-9].',
        cause: error,
      },
    );
  }
}
