/** Where the hub is, who asks, and where what it has sent lies: the variables that all of Hugging Face's tools read. */
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { SvgT2IError } from '../errors.js';
import { readTextSync } from '../regular-file.js';

export type Environment = Readonly<Record<string, string | undefined>>;

const HUB = 'https://huggingface.co';

/** As a shell would have it: `~` is the home folder, and what is relative begins here. */
function expanded(path: string, env: Environment): string {
  return resolve(path.replace(/^~(?=\/|$)/, env.HOME || homedir()));
}

/** Holds the token and the cache: `HF_HOME`, or `huggingface` in the XDG cache folder. */
function hubHome(env: Environment): string {
  if (env.HF_HOME) return expanded(env.HF_HOME, env);
  return join(env.XDG_CACHE_HOME || join(env.HOME || homedir(), '.cache'), 'huggingface');
}

/** `HF_HUB_CACHE`, or `hub` in `HF_HOME`. */
export function hubCache(env: Environment = process.env): string {
  const named = env.HF_HUB_CACHE || env.HUGGINGFACE_HUB_CACHE;
  return named ? expanded(named, env) : join(hubHome(env), 'hub');
}

/**
 * `HF_ENDPOINT` without a slash at its end, or Hugging Face's own.
 *
 * @throws SvgT2IError ERR_SVGT2I_INVALID_ARGUMENT
 */
export function hubEndpoint(env: Environment = process.env): string {
  const named = (env.HF_ENDPOINT ?? '').trim().replace(/\/+$/, '');
  if (named === '') return HUB;
  const url = URL.canParse(named) ? new URL(named) : undefined;
  const hint = 'For example HF_ENDPOINT=https://huggingface.co.';
  // It stands in messages, and the token goes there: neither a password nor a query belongs into it.
  if (url !== undefined && (url.username !== '' || url.password !== '' || url.search !== '')) {
    throw new SvgT2IError(
      'ERR_SVGT2I_INVALID_ARGUMENT',
      'HF_ENDPOINT has a user, a password or a query in it',
      { hint },
    );
  }
  if (url !== undefined && /^https?:$/.test(url.protocol)) return named;
  const shown = named.includes('@') ? 'it' : named;
  throw new SvgT2IError('ERR_SVGT2I_INVALID_ARGUMENT', `HF_ENDPOINT: ${shown} is no address of a server`, {
    hint,
  });
}

/** How all of them read a switch. */
export function isOn(value: string | undefined): boolean {
  return /^(1|true|yes|on)$/i.test(value ?? '');
}

/** The variable by which people forbid to ask the hub; undefined where none does. */
export function offlineVariable(env: Environment): string | undefined {
  const name = env.HF_HUB_OFFLINE ? 'HF_HUB_OFFLINE' : 'TRANSFORMERS_OFFLINE';
  return isOn(env[name]) ? name : undefined;
}

const MAX_TOKEN_BYTES = 4096;

/** `HF_TOKEN`, or what `hf auth login` has written; undefined without either, and where `HF_HUB_DISABLE_IMPLICIT_TOKEN` is set. */
export function hubToken(env: Environment = process.env): string | undefined {
  if (isOn(env.HF_HUB_DISABLE_IMPLICIT_TOKEN)) return undefined;
  const named = clean(env.HF_TOKEN || env.HUGGING_FACE_HUB_TOKEN);
  if (named !== undefined) return checked(named, 'HF_TOKEN');
  const file = tokenFile(env);
  try {
    const written = clean(readTextSync(file, { maxBytes: MAX_TOKEN_BYTES }));
    return written === undefined ? undefined : checked(written, file);
  } catch (error) {
    if (SvgT2IError.isInstance(error) && error.code === 'ERR_SVGT2I_FILE_NOT_FOUND') return undefined;
    throw error;
  }
}

export function tokenFile(env: Environment = process.env): string {
  return env.HF_TOKEN_PATH ? expanded(env.HF_TOKEN_PATH, env) : join(hubHome(env), 'token');
}

function clean(text: string | undefined): string | undefined {
  const token = text?.replace(/[\r\n]/g, '').trim();
  return token === '' ? undefined : token;
}

/** Whatever cannot stand in a header cannot be a token; it is not printed. */
function checked(token: string, source: string): string {
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new SvgT2IError(
    'ERR_SVGT2I_INVALID_ARGUMENT',
    `${source} holds no token: it has spaces or signs that none has`,
  );
}
