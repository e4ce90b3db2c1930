/** Keys that callers send: where they come from, and whether one is right. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { apiKeySchema, LEAST_KEY_LENGTH, type ServeConfig } from '../../config/serve.js';
import { SvgT2IError } from '../../errors.js';
import { readText } from '../../regular-file.js';

const MAX_KEY_FILE_BYTES = 1024 ** 2;

/**
 * The keys of `apiKey` and `apiKeyFile`: a line each; empty ones and those that begin with # are none.
 *
 * @throws SvgT2IError ERR_SVGT2I_INVALID_CONFIG for a key that is too short and a file without any, or as readText
 */
export async function readKeys({ apiKey, apiKeyFile }: ServeConfig): Promise<readonly string[]> {
  const given = apiKey === undefined ? [] : [apiKey];
  if (apiKeyFile === undefined) return given;
  const text = await readText(apiKeyFile, { maxBytes: MAX_KEY_FILE_BYTES, allowPassedPipe: true });
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  const keys = lines.filter((line) => line !== '' && !line.startsWith('#'));
  if (keys.length === 0) {
    throw new SvgT2IError('ERR_SVGT2I_INVALID_CONFIG', `${apiKeyFile}: there is no key in it`, {
      hint: 'Write one key a line; openssl rand -hex 32 makes one.',
    });
  }
  if (!keys.every((key) => apiKeySchema.safeParse(key).success)) {
    // Which one is not told: they are secrets.
    throw new SvgT2IError(
      'ERR_SVGT2I_INVALID_CONFIG',
      `${apiKeyFile}: each key must have at least ${LEAST_KEY_LENGTH} characters, without spaces`,
      { hint: 'openssl rand -hex 32 makes one.' },
    );
  }
  return [...given, ...keys];
}

/** Which of the keys a caller sent, told in a time that says nothing of them. */
export class KeyRing {
  readonly #digests: readonly Buffer[];

  constructor(keys: readonly string[]) {
    this.#digests = keys.map(digest);
  }

  /** Whether callers must send one. */
  get isNeeded(): boolean {
    return this.#digests.length > 0;
  }

  /** The key's place among all, from 1; undefined where it is none of them. */
  placeOf(key: string): number | undefined {
    const sent = digest(key);
    let place: number | undefined;
    for (const [i, known] of this.#digests.entries()) if (timingSafeEqual(known, sent)) place = i + 1;
    return place;
  }
}

/** Of equal length, whatever was sent. */
function digest(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}

/** The key of a request's headers, in each of the forms that clients of OpenAI's, Azure's and A1111's APIs send. */
export function keyOf(header: (name: string) => string | undefined): string | undefined {
  const authorization = header('authorization');
  const [, scheme, value] = /^(Bearer|Basic)\s+(\S+)\s*$/i.exec(authorization ?? '') ?? [];
  if (value !== undefined && scheme?.toLowerCase() === 'bearer') return value;
  if (value !== undefined) {
    const text = Buffer.from(value, 'base64').toString();
    return text.slice(text.indexOf(':') + 1);
  }
  return header('x-api-key') ?? header('api-key');
}
