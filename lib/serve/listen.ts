/** The sockets: binds before anything is loaded, and drops connections that stand still. */
import { randomUUID } from 'node:crypto';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import type { Hono } from 'hono';
import type { ServeConfig } from '../config/serve.js';
import { SvgT2IError, systemErrorCode } from '../errors.js';
import type { ServeEnv } from './context.js';
import { ApiError } from './errors.js';
import { SECURITY_HEADERS } from './security/headers.js';

/** A request's headers must come within a part of the time that its body has. */
const HEADERS_SHARE = 0.5;
/** Above what proxies keep idle connections, so that they do not meet one that closes. */
const KEEP_ALIVE_MS = 75_000;
const LARGEST_HEADER_BYTES = 16 * 1024;

/** A caller that spoke no HTTP, or too slowly, or named no host. */
export interface RefusedRequest {
  readonly status: number;
  readonly id: string;
  readonly message: string;
}

export interface ListenOptions
  extends Pick<ServeConfig, 'host' | 'port' | 'maxConnections' | 'stallSeconds'> {
  readonly onDropped: () => void;
  /** Gets what goes wrong while it listens. */
  readonly onError: (error: Error) => void;
  /** Gets what was answered where no request could be read. */
  readonly onRefused: (answer: RefusedRequest) => void;
}

/**
 * @throws SvgT2IError ERR_SVGT2I_LISTEN for a port that is in use or not to be had, and a host that is not this machine's
 */
export async function listen(app: Hono<ServeEnv>, options: ListenOptions): Promise<Server> {
  const { host, port, maxConnections, stallSeconds, onDropped, onError, onRefused } = options;
  const stallMs = stallSeconds * 1000;
  const listener = getRequestListener(app.fetch, {
    overrideGlobalObjects: false,
    // A Host or target that is none: no request comes of it. What fails behind that is answered by the app.
    errorHandler: () => {
      const { told, headers } = refusal(
        400,
        'the request has no address and host that can be read',
        onRefused,
      );
      return Response.json(told.body(), { status: told.status, headers });
    },
  });
  const answers = new WeakMap<Socket, ServerResponse>();
  const server = createServer(
    {
      requestTimeout: 2 * stallMs,
      headersTimeout: HEADERS_SHARE * stallMs,
      keepAliveTimeout: KEEP_ALIVE_MS,
      maxHeaderSize: LARGEST_HEADER_BYTES,
      connectionsCheckingInterval: Math.min(5000, stallMs),
    },
    (request, response) => {
      answers.set(request.socket, response);
      // Remarks of sockets that are gone: what was drawn for them is ended by the request's signal.
      request.on('error', () => undefined);
      response.on('error', () => undefined);
      void listener(request, response);
    },
  );
  server.maxConnections = maxConnections;
  // Without traffic for so long: an answer that is not begun is still being drawn, all others stand still.
  server.setTimeout(stallMs, (socket) => {
    const answer = answers.get(socket);
    if (answer !== undefined && !answer.headersSent && answer.req.complete) return;
    if (answer?.headersSent === true && !answer.writableFinished) onDropped();
    socket.destroy();
  });
  server.on('clientError', (error, socket) => {
    const answer = answers.get(socket as Socket);
    // In the middle of an answer these bytes would become a part of it.
    const isAnswering = answer?.headersSent === true && !answer.writableFinished;
    if (!socket.writable || isAnswering) socket.destroy();
    else socket.end(refusalText(systemErrorCode(error), onRefused));
  });
  await new Promise<void>((resolve, reject) => {
    const refuse = (error: Error) => reject(listenError(error, host, port));
    server.once('error', refuse);
    server.listen({ host: host.replace(/^\[|\]$/g, ''), port }, () => {
      server.off('error', refuse);
      resolve();
    });
  });
  // Such as too many open files while a connection comes in: the next one may find room.
  server.on('error', onError);
  return server;
}

/** Node's codes of what is no request, and what is said of it. */
const REFUSALS: Readonly<Record<string, readonly [status: number, reason: string, message: string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'Request Header Fields Too Large', 'the headers are too large'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'Request Timeout', 'the request took too long to come'],
};

/** What is answered where no request could be read; it is told of, since no route logs it. */
function refusal(status: number, message: string, onRefused: ListenOptions['onRefused']) {
  const id = randomUUID();
  onRefused({ status, id, message });
  const told = new ApiError(status, 'bad_request', message);
  return { told, headers: { ...SECURITY_HEADERS, 'x-request-id': id } };
}

/** The same as its bytes. */
function refusalText(code: string | undefined, onRefused: ListenOptions['onRefused']): string {
  const [status, reason, message] = REFUSALS[code ?? ''] ?? [
    400,
    'Bad Request',
    'the request is no HTTP that is read here',
  ];
  const { told, headers } = refusal(status, message, onRefused);
  const body = JSON.stringify(told.body());
  const lines = Object.entries({
    ...headers,
    connection: 'close',
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${reason}\r\n${lines.join('')}\r\n${body}`;
}

/** Which browsers leave out of addresses, and of Host and Origin. */
const HTTP_PORT = 80;

/** As people write it into a browser. */
export function urlOf(host: string, port: number): string {
  const bare = host.replace(/^\[|\]$/g, '');
  const everywhere = bare === '0.0.0.0' || bare === '::';
  const name = everywhere ? 'localhost' : bare.includes(':') ? `[${bare}]` : bare;
  return `http://${name}${port === HTTP_PORT ? '' : `:${port}`}`;
}

export function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

function listenError(cause: Error, host: string, port: number): SvgT2IError {
  const place = host.includes(':') ? `[${host.replace(/^\[|\]$/g, '')}]:${port}` : `${host}:${port}`;
  const refused = (message: string, hint: string) =>
    new SvgT2IError('ERR_SVGT2I_LISTEN', message, { hint, cause });
  switch (systemErrorCode(cause)) {
    case 'EADDRINUSE':
      return refused(
        `${place} is in use already`,
        'Stop what listens there, or take another port: --port 0 finds a free one.',
      );
    case 'EACCES':
      return refused(
        `this user may not listen at ${place}`,
        'Take a port from 1024 on (--port 7860), and a proxy in front of it.',
      );
    case 'EADDRNOTAVAIL':
      return refused(
        `${host} is no address of this machine`,
        'Give --host one of its own, or 0.0.0.0 for all of them.',
      );
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return refused(
        `nobody knows the host ${host}`,
        'Give --host an address of this machine, or 0.0.0.0 for all of them.',
      );
    default:
      return refused(`cannot listen at ${place}: ${cause.message}`, 'Check --host and --port.');
  }
}
