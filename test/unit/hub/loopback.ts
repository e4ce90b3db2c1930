/** A hub on this machine, as far as pull asks one: revisions, listings in pages, files, and another host for large ones. */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach } from 'vitest';

export interface LoopbackRepo {
  readonly id: string;
  readonly files: Readonly<Record<string, string | Buffer>>;
  /** Which of them are large ones, which the other host holds. */
  readonly lfs?: RegExp;
  readonly commit?: string;
  readonly refs?: readonly string[];
  /** Only for those who have a token, and have accepted the licence. */
  readonly gated?: boolean;
  readonly private?: boolean;
}

export interface Asked {
  readonly host: 'hub' | 'storage';
  readonly method: string;
  readonly path: string;
  readonly range: string | undefined;
  readonly authorization: string | undefined;
}

/** Looks at a request first; false where the hub is to answer as always. */
export type Fault = (request: IncomingMessage, response: ServerResponse, asked: Asked) => unknown;

export interface LoopbackHub {
  readonly endpoint: string;
  readonly storage: string;
  readonly asked: readonly Asked[];
  /** Of files, not of listings. */
  readonly fetched: () => readonly Asked[];
  fault: Fault | undefined;
  /** Who may read gated repositories. */
  readonly accepted: Set<string>;
  readonly validTokens: Set<string>;
  readonly repos: LoopbackRepo[];
  readonly close: () => void;
}

export const COMMIT = 'fe05bcdcdc4928012781a5f1a2a77cbb5398e106';
const PAGE = 3;

export const gitSha1 = (content: Buffer) =>
  createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex');
export const sha256 = (content: Buffer) => createHash('sha256').update(content).digest('hex');

const pointer = (content: Buffer) =>
  Buffer.from(
    `version https://git-lfs.github.com/spec/v1\noid sha256:${sha256(content)}\nsize ${content.length}\n`,
  );

const hubs: LoopbackHub[] = [];
afterEach(() => {
  for (const hub of hubs.splice(0)) hub.close();
});

/** Closed after the test. */
export async function startHub(repos: readonly LoopbackRepo[]): Promise<LoopbackHub> {
  const hub = await openHub(repos);
  hubs.push(hub);
  return hub;
}

export async function openHub(repos: readonly LoopbackRepo[]): Promise<LoopbackHub> {
  const servers: Server[] = [];
  const asked: Asked[] = [];
  const state: { fault: Fault | undefined } = { fault: undefined };
  const accepted = new Set<string>();
  const validTokens = new Set<string>();
  const list = [...repos];

  const noting =
    (host: Asked['host'], answer: (request: IncomingMessage, response: ServerResponse) => void) =>
    (request: IncomingMessage, response: ServerResponse) => {
      const { method = '', url = '', headers } = request;
      const entry: Asked = {
        ...{ host, method, path: url },
        range: headers.range,
        authorization: headers.authorization,
      };
      asked.push(entry);
      response.on('error', () => undefined);
      if (state.fault !== undefined && state.fault(request, response, entry) !== false) return;
      answer(request, response);
    };

  const storage = await listen(
    servers,
    noting('storage', (request, response) => {
      const wanted = /^\/lfs\/([0-9a-f]{64})/.exec(request.url ?? '')?.[1];
      const all = list.flatMap(({ files }) => Object.values(files).map((content) => Buffer.from(content)));
      const content = all.find((each) => sha256(each) === wanted);
      if (content === undefined) response.writeHead(404).end();
      else sendRange(request, response, content);
    }),
  );
  const endpoint: string = await listen(
    servers,
    noting('hub', (request, response) => answerHub(request, response)),
  );

  function answerHub(request: IncomingMessage, response: ServerResponse): void {
    const { pathname, searchParams } = new URL(request.url ?? '', endpoint);
    const parts = pathname.split('/').slice(1).map(decodeURIComponent);
    const isApi = parts[0] === 'api';
    const [owner, name, action, revision, ...rest] = isApi ? parts.slice(2) : parts;
    const repo = list.find(({ id }) => id === `${owner}/${name}`);
    const token = /^Bearer (.*)$/.exec(request.headers.authorization ?? '')?.[1];
    if (token !== undefined && !validTokens.has(token)) {
      refuse(response, 401, undefined, 'Invalid credentials in Authorization header');
      return;
    }
    if (repo === undefined || (repo.private && token === undefined)) {
      // As Hugging Face does: nobody without a token learns what there is.
      if (token === undefined) refuse(response, 401, 'RepoNotFound', 'Invalid username or password.');
      else refuse(response, 404, 'RepoNotFound', 'Repository not found');
      return;
    }
    const commit = repo.commit ?? COMMIT;
    const refs = repo.refs ?? ['main'];
    if (revision !== commit && !refs.includes(revision ?? '')) {
      refuse(response, 404, 'RevisionNotFound', `Invalid rev id: ${revision}`);
      return;
    }
    if (isApi && action === 'revision') {
      json(response, { _id: '1', id: repo.id, sha: commit, lastModified: 0, gated: repo.gated ?? false });
      return;
    }
    const files = Object.entries(repo.files).map(([path, content]) => ({
      path,
      content: Buffer.from(content),
    }));
    if (isApi && action === 'tree') {
      const at = Number(searchParams.get('cursor') ?? 0);
      const next =
        at + PAGE < files.length
          ? `<${endpoint}${pathname}?recursive=true&cursor=${at + PAGE}>; rel="next"`
          : '';
      const entries = files.slice(at, at + PAGE).map(({ path, content }) => entryOf(repo, path, content));
      json(response, entries, next === '' ? {} : { link: next });
      return;
    }
    if (repo.gated && (token === undefined || !accepted.has(token))) {
      const text = `Access to model ${repo.id} is restricted.`;
      refuse(response, token === undefined ? 401 : 403, 'GatedRepo', text);
      return;
    }
    const file = files.find(({ path }) => path === rest.join('/'));
    if (file === undefined) {
      refuse(response, 404, 'EntryNotFound', 'Entry not found');
    } else if (repo.lfs?.test(file.path)) {
      const etag = sha256(file.content);
      const headers = { location: `${storage}/lfs/${etag}?signature=secret`, 'x-linked-etag': `"${etag}"` };
      response
        .writeHead(302, { ...headers, 'x-linked-size': file.content.length, 'x-repo-commit': commit })
        .end();
    } else {
      sendRange(request, response, file.content, {
        etag: `"${gitSha1(file.content)}"`,
        'x-repo-commit': commit,
      });
    }
  }

  return {
    ...{ endpoint, storage, asked, accepted, validTokens, repos: list },
    close: () => {
      for (const server of servers) {
        server.closeAllConnections();
        server.close();
      }
    },
    fetched: () =>
      asked
        .filter(({ host, path }) => host === 'storage' || path.includes('/resolve/'))
        .filter(({ method }) => method === 'GET'),
    get fault() {
      return state.fault;
    },
    set fault(fault) {
      state.fault = fault;
    },
  };
}

async function listen(
  servers: Server[],
  handler: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<string> {
  const server = createServer(handler);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function entryOf(repo: LoopbackRepo, path: string, content: Buffer) {
  if (!repo.lfs?.test(path)) return { type: 'file', path, size: content.length, oid: gitSha1(content) };
  const lfs = { oid: sha256(content), size: content.length, pointerSize: pointer(content).length };
  return { type: 'file', path, size: content.length, oid: gitSha1(pointer(content)), lfs };
}

export function refuse(
  response: ServerResponse,
  status: number,
  code: string | undefined,
  message: string,
): void {
  const headers = { 'content-type': 'application/json', 'x-error-message': message };
  response.writeHead(status, code === undefined ? headers : { ...headers, 'x-error-code': code });
  response.end(JSON.stringify({ error: message }));
}

function json(response: ServerResponse, value: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value));
}

export function rangeOf(request: IncomingMessage, length: number): readonly [number, number] {
  const [, start = '0', end = ''] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
  return [Number(start), end === '' ? length - 1 : Math.min(Number(end), length - 1)];
}

export function sendRange(
  request: IncomingMessage,
  response: ServerResponse,
  content: Buffer,
  headers: Record<string, string> = {},
): void {
  const [start, end] = rangeOf(request, content.length);
  if (request.headers.range === undefined) {
    response.writeHead(200, { ...headers, 'content-length': content.length, 'accept-ranges': 'bytes' });
    response.end(request.method === 'HEAD' ? undefined : content);
    return;
  }
  if (start >= content.length) {
    response.writeHead(416, { 'content-range': `bytes */${content.length}` }).end();
    return;
  }
  const body = content.subarray(start, end + 1);
  const range = `bytes ${start}-${end}/${content.length}`;
  response.writeHead(206, { ...headers, 'content-length': body.length, 'content-range': range });
  response.end(request.method === 'HEAD' ? undefined : body);
}
