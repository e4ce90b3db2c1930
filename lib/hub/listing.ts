/** What a repository holds at a revision, asked of the hub through its own library. */
import { HubApiError, listFiles, modelInfo } from '@huggingface/hub';
import { throwIfAborted } from '../abort.js';
import type { HubName } from '../config/hub-name.js';
import { firstLine, SvgT2IError } from '../errors.js';
import { Http, refusePacked } from '../fetch/http.js';
import { type RetryPolicy, transientStatus, withRetries } from '../fetch/retry.js';
import { isCommit } from './cache.js';
import { type Refusal, refusalError } from './refusals.js';

export interface HubFile {
  readonly path: string;
  readonly bytes: number;
  /** Git's SHA-1 of the file, or of the pointer to it. */
  readonly gitSha1: string;
  /** Of a large file. */
  readonly sha256?: string;
}

export interface Listing {
  readonly repo: string;
  readonly revision: string;
  /** The commit that the revision is at. */
  readonly commit: string;
  /** By path. */
  readonly files: readonly HubFile[];
}

export interface HubAccess {
  readonly http: Http;
  readonly endpoint: string;
  readonly hasToken: boolean;
  readonly policy: RetryPolicy;
  readonly signal?: AbortSignal | undefined;
  readonly onRetry?: ((reason: string, waitMs: number) => void) | undefined;
}

/** Far above what any repository of models has. */
const MOST_ENTRIES = 100_000;
/** Also of pages without entries. */
const MOST_PAGES = 1000;
const MOST_PAGE_BYTES = 64 << 20;

/**
 * @throws SvgT2IError ERR_SVGT2I_HUB_NOT_FOUND, ERR_SVGT2I_HUB_ACCESS, ERR_SVGT2I_FETCH; the signal's reason
 */
export async function listRepository(
  { repo, revision }: Pick<HubName, 'repo' | 'revision'>,
  access: HubAccess,
): Promise<Listing> {
  const asked = { ...access, repo, revision };
  // What a caller's own function throws is not the library's to explain.
  let ofCaller: { readonly error: unknown } | undefined;
  const onRetry = (reason: string, waitMs: number) => {
    try {
      access.onRetry?.(reason, waitMs);
    } catch (error) {
      ofCaller = { error };
      throw error;
    }
  };
  // The library's own error has read the answer, but forgets its headers.
  let refusal: Refusal | undefined;
  const fetch = throughHttp({ ...access, onRetry }, (answer) => {
    refusal = answer;
  });
  const common = { hubUrl: access.endpoint, fetch };
  try {
    const info = await modelInfo({ ...common, name: repo, revision, additionalFields: ['sha'] });
    const commit = String(info.sha);
    if (!isCommit(commit)) throw notAHub(access.endpoint, 'no commit of the revision');
    const files: HubFile[] = [];
    let entries = 0;
    for await (const entry of listFiles({ ...common, repo, recursive: true, revision: commit })) {
      if (entry.type === 'file') files.push(fileOf(entry, access.endpoint));
      entries += 1;
      if (entries > MOST_ENTRIES) throw notAHub(access.endpoint, 'a listing without end');
    }
    files.sort((a, b) => (a.path < b.path ? -1 : 1));
    return { repo, revision, commit, files };
  } catch (error) {
    if (ofCaller !== undefined) throw ofCaller.error;
    throwIfAborted(access.signal);
    if (SvgT2IError.isInstance(error)) throw error;
    if (error instanceof HubApiError && refusal !== undefined) throw refusalError(refusal, asked);
    throw new SvgT2IError('ERR_SVGT2I_FETCH', `cannot list ${repo}: ${firstLine(error)}`, {
      hint: 'Check the network, HF_ENDPOINT, and HTTPS_PROXY behind a proxy. What is in the cache works without.',
      cause: error,
    });
  }
}

type Fetch = typeof globalThis.fetch;

/** What the library asks, through our proxies, tries and rules about the token. */
function throughHttp(access: HubAccess, onRefusal: (refusal: Refusal) => void): Fetch {
  const { http, policy, signal, onRetry, endpoint } = access;
  let pages = 0;
  return async (input, init) => {
    pages += 1;
    if (pages > MOST_PAGES) throw notAHub(endpoint, 'a listing without end');
    const url = String(input instanceof Request ? input.url : input);
    return await withRetries(
      async () => {
        const headers = Object.fromEntries(new Headers(init?.headers));
        const answer = await http.send(url, { headers, signal });
        const busy = transientStatus(answer.status, answer.headers, new URL(answer.url).host);
        if (busy !== undefined) {
          answer.body.destroy();
          throw busy;
        }
        const { status } = answer;
        if (status === 200) refusePacked(answer);
        const text = await Http.text(answer, MOST_PAGE_BYTES);
        if (status !== 200) onRefusal({ status, headers: answer.headers, text });
        // All that the library reads of them; of a refusal, which may be packed, it need not make sense.
        const read = (status === 200 ? ['content-type', 'link'] : []).flatMap((name) => {
          const value = answer.headers[name];
          return value === undefined ? [] : [[name, value] as [string, string]];
        });
        return new Response(text, { status, headers: read });
      },
      { policy, signal, onRetry },
    );
  };
}

interface Entry {
  readonly path: unknown;
  readonly size: unknown;
  readonly oid?: unknown;
  readonly lfs?: { readonly oid?: unknown; readonly size?: unknown } | null | undefined;
}

const SHA1 = /^[0-9a-f]{40}$/;
const SHA256 = /^[0-9a-f]{64}$/;

/** Nothing of it is used before it was looked at: paths become paths of this machine, hashes names of files. */
function fileOf(entry: Entry, endpoint: string): HubFile {
  const { path, oid } = entry;
  const lfs = entry.lfs ?? undefined;
  const bytes = lfs === undefined ? entry.size : lfs.size;
  const isPlain = typeof path === 'string' && isPlainPath(path);
  const isSized = typeof bytes === 'number' && Number.isSafeInteger(bytes) && bytes >= 0;
  if (!isPlain || !isSized || typeof oid !== 'string' || !SHA1.test(oid))
    throw notAHub(endpoint, `an entry that makes no sense (${JSON.stringify(path)})`);
  if (lfs === undefined) return { path, bytes, gitSha1: oid };
  if (typeof lfs.oid !== 'string' || !SHA256.test(lfs.oid)) throw notAHub(endpoint, `no SHA-256 of ${path}`);
  return { path, bytes, gitSha1: oid, sha256: lfs.oid };
}

/** Below a folder, whatever it says: no "..", no backslash or control character, nothing that begins at the root. */
function isPlainPath(path: string): boolean {
  return (
    path !== '' &&
    !/[\\\p{Cc}]/u.test(path) &&
    path.split('/').every((part) => !['', '.', '..', '.git'].includes(part))
  );
}

function notAHub(endpoint: string, what: string): SvgT2IError {
  return new SvgT2IError(
    'ERR_SVGT2I_FETCH',
    `${new URL(endpoint).host} does not answer as a hub does: ${what}`,
    {
      hint: 'Check HF_ENDPOINT, and the proxy if there is one.',
    },
  );
}

/** Address of a file's bytes. */
export function fileUrl(endpoint: string, repo: string, commit: string, path: string): string {
  return `${endpoint}/${repo}/resolve/${commit}/${path.split('/').map(encodeURIComponent).join('/')}`;
}
