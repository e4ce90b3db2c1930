/** A server that speaks the page's part of the HTTP interface and does what a test says, when the test says it. */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Capabilities, DrawBody } from '../../lib/serve/page/types.js';
import { PAGE_POLICY } from '../../lib/serve/routes/page.js';
import { capabilitiesWith } from './fake-capabilities.js';
import { FakeJob } from './fake-job.js';

const PAGE = fileURLToPath(new URL('../../lib/serve/page/', import.meta.url));
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};
/** What the next request for a picture is refused with. */
export interface Refusal {
  readonly status: number;
  readonly message: string;
  readonly param?: string;
  readonly retryAfter?: number;
}

export class FakeServer {
  readonly refusals: Refusal[] = [];
  /** Bodies of all requests for pictures, the refused ones too. */
  readonly asked: DrawBody[] = [];
  /** Event streams that are open. */
  streams = 0;
  /** What every request must send; undefined: nothing. */
  key: string | undefined;
  /** Why it takes no request of this page; undefined: it does. */
  forbids: string | undefined;
  capabilities: Capabilities;
  #server: Server | undefined;
  #port = 0;
  #jobs = new Map<string, FakeJob>();
  #count = 0;
  #arrivals: FakeJob[] = [];
  #awaiting: ((job: FakeJob) => void)[] = [];

  private constructor(capabilities: Capabilities) {
    this.capabilities = capabilities;
  }

  static async start(changes: Partial<Capabilities> = {}): Promise<FakeServer> {
    const fake = new FakeServer(capabilitiesWith(changes));
    await fake.revive();
    return fake;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/`;
  }

  /** The next job that the page sends. */
  nextJob(): Promise<FakeJob> {
    const job = this.#arrivals.shift();
    return job === undefined ? new Promise((resolve) => this.#awaiting.push(resolve)) : Promise.resolve(job);
  }

  /** Starts to listen, at the port that it had. */
  async revive(): Promise<void> {
    const server = createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => response.destroy(error as Error));
    });
    server.listen(this.#port, '127.0.0.1');
    await once(server, 'listening');
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  /** As a process that is killed: every connection breaks. */
  async kill(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  }

  /** As a process that was started anew. */
  forgetJobs(): void {
    this.#jobs.clear();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? '/', 'http://fake');
    const { method } = request;
    if (pathname === '/' || pathname.startsWith('/page/')) return sendFile(response, pathname);
    if (this.key !== undefined && request.headers.authorization !== `Bearer ${this.key}`) {
      return refuse(response, { status: 401, message: 'a key is needed' });
    }
    if (this.forbids !== undefined) return refuse(response, { status: 403, message: this.forbids });
    const route = `${method} ${pathname}`;
    if (route === 'GET /v1/capabilities') return sendJson(response, 200, this.capabilities);
    if (route === 'GET /v1/jobs') {
      return sendJson(response, 200, {
        object: 'list',
        data: [...this.#jobs.values()].map(({ json }) => json),
      });
    }
    if (route === 'POST /v1/jobs') return this.#submit(await bodyOf(request), response);
    const [, id = '', rest] = /^\/v1\/jobs\/([^/]+)(\/events)?$/.exec(pathname) ?? [];
    const job = this.#jobs.get(id);
    if (job === undefined) return refuse(response, { status: 404, message: 'there is no such job' });
    if (method === 'DELETE') {
      job.cancelAsked();
      return sendJson(response, 200, job.json);
    }
    if (rest === undefined) return sendJson(response, 200, job.json);
    this.#stream(job, Number(request.headers['last-event-id'] ?? 0), response);
  }

  #submit(body: DrawBody, response: ServerResponse): void {
    this.asked.push(body);
    const refusal = this.refusals.shift();
    if (refusal !== undefined) {
      refuse(response, refusal);
      return;
    }
    this.#count += 1;
    const job = new FakeJob(`job-${this.#count}`, body);
    this.#jobs.set(job.id, job);
    sendJson(response, 202, job.json);
    const taker = this.#awaiting.shift();
    if (taker === undefined) this.#arrivals.push(job);
    else taker(job);
  }

  #stream(job: FakeJob, after: number, response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    response.write(': here\n\n');
    this.streams += 1;
    const stop = job.listen(
      after,
      (text) => response.write(text),
      () => response.end(),
    );
    response.on('close', () => {
      this.streams -= 1;
      stop();
    });
  }
}

async function bodyOf(request: IncomingMessage): Promise<DrawBody> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return JSON.parse(Buffer.concat(chunks).toString()) as DrawBody;
}

async function sendFile(response: ServerResponse, pathname: string): Promise<void> {
  const name = pathname === '/' ? 'index.html' : pathname.slice('/page/'.length);
  const bytes = await readFile(join(PAGE, name));
  response.writeHead(200, {
    'content-type': TYPES[extname(name)] ?? 'application/octet-stream',
    'content-security-policy': PAGE_POLICY,
  });
  response.end(bytes);
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

function refuse(response: ServerResponse, { status, message, param, retryAfter }: Refusal): void {
  if (retryAfter !== undefined) response.setHeader('retry-after', String(retryAfter));
  sendJson(response, status, {
    error: { message, type: 'invalid_request_error', param: param ?? null, code: 'refused' },
  });
}
