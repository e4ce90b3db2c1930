/** The real server on a port of loopback, over a model that draws grey squares, and what clients send to it. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ServeSettings } from '../../lib/config/serve-settings.js';
import { serveFake } from '../unit/serve/fake-drawer.js';
import { PacedDrawer } from './paced-drawer.js';

/** Node.js tells of each request that any server of this process gets, and of each answer. */
const REQUEST_START = 'http.server.request.start';
const RESPONSE_FINISH = 'http.server.response.finish';

/** Only to end a hang. */
const HANG_MS = 120_000;

export interface Served {
  /** Without a slash at its end. */
  readonly url: string;
  readonly model: PacedDrawer;
  /** Method and path of what clients sent, in order: what is sent again counts again. */
  readonly requests: readonly string[];
  /** Statuses of the answers that have left, in order. */
  readonly statuses: readonly number[];
  /** Resolves when a condition holds. */
  until(condition: () => boolean): Promise<void>;
  close(): Promise<void>;
}

/** Starts one; `settings` are those of docs/serve.md. */
export async function served(settings: ServeSettings = {}): Promise<Served> {
  const model = new PacedDrawer();
  const server = await serveFake({ models: [{ name: 'squares' }], ...settings }, model);
  const requests: string[] = [];
  const statuses: number[] = [];
  const isOurs = ({ socket }: IncomingMessage) => socket.localPort === server.port;
  const onRequest = (message: unknown) => {
    const { request } = message as { readonly request: IncomingMessage };
    if (isOurs(request)) requests.push(`${request.method} ${request.url}`);
  };
  const onAnswer = (message: unknown) => {
    const { request, response } = message as {
      readonly request: IncomingMessage;
      readonly response: ServerResponse;
    };
    if (isOurs(request)) statuses.push(response.statusCode);
  };
  subscribe(REQUEST_START, onRequest);
  subscribe(RESPONSE_FINISH, onAnswer);
  return {
    url: server.url,
    model,
    requests,
    statuses,
    until: async (condition) => {
      const deadline = Date.now() + HANG_MS;
      while (!condition()) {
        if (Date.now() > deadline) throw new Error(`it never came to be: ${condition}`);
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    },
    close: async () => {
      unsubscribe(REQUEST_START, onRequest);
      unsubscribe(RESPONSE_FINISH, onAnswer);
      await server.close(0);
    },
  };
}
