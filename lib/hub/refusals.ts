/** What the hub means when it refuses: told apart as its tools do, by status and X-Error-Code, each with the way out. */
import { SvgT2IError } from '../errors.js';
import { tokenFile } from './places.js';

export interface Refusal {
  readonly status: number;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  /** What the server wrote. */
  readonly text: string;
}

export interface Asked {
  readonly endpoint: string;
  readonly repo: string;
  readonly revision: string;
  /** Undefined where the repository itself was asked for. */
  readonly path?: string | undefined;
  readonly hasToken: boolean;
}

export function refusalError(refusal: Refusal, asked: Asked): SvgT2IError {
  const { status, headers } = refusal;
  const code = headers['x-error-code'] ?? '';
  if (status === 404 || code === 'RepoNotFound' || code === 'RevisionNotFound' || code === 'EntryNotFound') {
    return notFound(code, refusal, asked);
  }
  if (status === 401 || status === 403) return noAccess(code, refusal, asked);
  return new SvgT2IError(
    'ERR_SVGT2I_FETCH',
    `${new URL(asked.endpoint).host} answers HTTP ${status} for ${nameOf(asked)}${said(refusal)}`,
    { hint: 'Check HF_ENDPOINT and the network, or try again later.' },
  );
}

function nameOf({ repo, path }: Asked): string {
  return path === undefined ? repo : `${path} of ${repo}`;
}

function notFound(code: string, refusal: Refusal, asked: Asked): SvgT2IError {
  const { repo, revision, path, endpoint, hasToken } = asked;
  if (code === 'RevisionNotFound') {
    return missing(
      `${repo} has no revision ${revision}`,
      `Its branches and tags are listed on ${endpoint}/${repo}/tree/main.`,
    );
  }
  if (code === 'EntryNotFound' || (path !== undefined && code === '')) {
    return missing(
      `${repo} has no file ${path ?? ''} at ${revision}`,
      `See ${endpoint}/${repo}/tree/${revision} for what it has, or svg-t2i pull ${repo} --list.`,
    );
  }
  // The hub does not tell a repository that is not there from one that the caller must not see.
  const isPrivate = hasToken
    ? 'Or it is private, and your token must not read it: see your access at the address below.'
    : `Or it is private: set HF_TOKEN, or put a token into ${tokenFile()} with hf auth login.`;
  return missing(
    `there is no repository ${repo} on ${new URL(endpoint).host}${said(refusal)}`,
    `Check the name.\n${isPrivate}\n${endpoint}/${repo}`,
  );
}

function missing(message: string, hint: string): SvgT2IError {
  return new SvgT2IError('ERR_SVGT2I_HUB_NOT_FOUND', message, { hint });
}

function noAccess(code: string, refusal: Refusal, asked: Asked): SvgT2IError {
  const { repo, endpoint, hasToken } = asked;
  const page = `${endpoint}/${repo}`;
  const isGated = code === 'GatedRepo' || /gated|restricted/i.test(refusal.text);
  const login = `Make a token that can read at ${endpoint}/settings/tokens, and set HF_TOKEN or run hf auth login.`;
  if (!hasToken) {
    const licence = isGated ? `Accept the licence of ${repo} at ${page} first.\n` : '';
    return denied(
      `${nameOf(asked)} needs a token, and there is none (HTTP ${refusal.status})`,
      `${licence}${login}`,
    );
  }
  if (isGated) {
    return denied(
      `the licence of ${repo} is not accepted by the owner of this token (HTTP ${refusal.status})`,
      `Accept it at ${page}, then run it again; some owners answer only after days.`,
    );
  }
  if (refusal.status === 401) {
    return denied(`the token is not valid for ${new URL(endpoint).host} (HTTP 401)${said(refusal)}`, login);
  }
  return denied(
    `the token must not read ${nameOf(asked)} (HTTP 403)${said(refusal)}`,
    `A fine-grained token needs the right to read this repository, or all public gated ones: ${endpoint}/settings/tokens.`,
  );
}

function denied(message: string, hint: string): SvgT2IError {
  return new SvgT2IError('ERR_SVGT2I_HUB_ACCESS', message, { hint });
}

const MAX_SAID = 200;

/** The server's own words, where they are a sentence and not a page. */
function said({ headers, text }: Refusal): string {
  const words = headers['x-error-message'] ?? messageIn(text);
  if (words === undefined || words.trim() === '') return '';
  const line = words.replace(/\s+/g, ' ').trim();
  return `: ${line.length > MAX_SAID ? `${line.slice(0, MAX_SAID)}...` : line}`;
}

function messageIn(text: string): string | undefined {
  if (!text.trimStart().startsWith('{')) return undefined;
  try {
    const { error } = JSON.parse(text) as { readonly error?: unknown };
    return typeof error === 'string' ? error : undefined;
  } catch {
    return undefined;
  }
}
