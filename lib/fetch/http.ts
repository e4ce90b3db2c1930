/** One way to ask a server: through the proxies of the environment, with time-outs, and with a token for one host alone. */
import type { Readable } from 'node:stream';
import { EnvHttpProxyAgent, request } from 'undici';
import { throwIfAborted } from '../abort.js';
import { firstLine, isError, SvgT2IError, systemErrorCode } from '../errors.js';
import { PACKAGE_VERSION } from '../version.js';
import { Transient } from './retry.js';

export interface HttpOptions {
  /** Sent to `tokenOrigin` and nowhere else, also where that sends us on to another host. */
  readonly token?: string | undefined;
  /** As in "https://huggingface.co". */
  readonly tokenOrigin?: string | undefined;
  /** How long a host may take to accept a connection, and then to answer. Default: 20 s. */
  readonly connectTimeoutMs?: number | undefined;
  /** How long a body may stand still. Default: 30 s. */
  readonly idleTimeoutMs?: number | undefined;
}

export interface Question {
  readonly method?: 'GET' | 'HEAD' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface Answer {
  readonly status: number;
  /** By lower-case name; of a repeated header the values, with commas between. */
  readonly headers: Readonly<Record<string, string>>;
  /** Where it came from in the end. */
  readonly url: string;
  readonly body: Readable;
}

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const MOST_REDIRECTS = 10;
/** Of what a server says about a refusal. */
const MAX_TEXT = 64 * 1024;

export class Http {
  readonly #agent: EnvHttpProxyAgent;
  readonly #options: HttpOptions;

  /** @throws SvgT2IError ERR_SVGT2I_FETCH where HTTPS_PROXY or HTTP_PROXY is no address of a proxy */
  constructor(options: HttpOptions = {}) {
    const { connectTimeoutMs = 20_000, idleTimeoutMs = 30_000 } = options;
    this.#options = options;
    try {
      this.#agent = new EnvHttpProxyAgent({
        connectTimeout: connectTimeoutMs,
        headersTimeout: connectTimeoutMs,
        bodyTimeout: idleTimeoutMs,
        // What is not encrypted any proxy passes on; few of them make a tunnel for it.
        proxyTunnel: false,
      });
    } catch (error) {
      throw new SvgT2IError('ERR_SVGT2I_FETCH', `the proxy cannot be used: ${firstLine(error)}`, {
        hint: 'HTTPS_PROXY and HTTP_PROXY are addresses such as http://proxy.example:3128; NO_PROXY lists hosts without.',
        cause: error,
      });
    }
  }

  /**
   * The answer to a question, whatever its status; redirects are followed. Its body must be read or destroyed.
   *
   * @throws Transient where there is no answer; SvgT2IError ERR_SVGT2I_FETCH for a redirect that must not be followed
   */
  async send(url: string, { method = 'GET', headers = {}, body, signal }: Question = {}): Promise<Answer> {
    let at = new URL(url);
    for (let hops = 0; ; hops += 1) {
      const answer = await this.#ask(at, { method, headers, body, signal });
      const target = answer.headers.location;
      if (!REDIRECTS.has(answer.status) || target === undefined) return answer;
      answer.body.destroy();
      const next = targetOf(target, at);
      if (hops === MOST_REDIRECTS) throw wrongRedirect(url, 'the server redirects without end');
      if (at.protocol === 'https:' && next.protocol !== 'https:') {
        throw wrongRedirect(url, `the server redirects to ${next.origin}, which is not encrypted`);
      }
      at = next;
    }
  }

  async #ask(url: URL, { method, headers, body, signal }: Question): Promise<Answer> {
    const { token, tokenOrigin } = this.#options;
    const knowsToken = token !== undefined && tokenOrigin !== undefined && url.origin === tokenOrigin;
    try {
      const { statusCode, ...answer } = await request(url, {
        method: method ?? 'GET',
        headers: {
          'user-agent': `svg-t2i/${PACKAGE_VERSION}; node/${process.versions.node}`,
          'accept-encoding': 'identity',
          ...headers,
          ...(knowsToken ? { authorization: `Bearer ${token}` } : {}),
        },
        dispatcher: this.#agent,
        ...(body === undefined ? {} : { body }),
        ...(signal === undefined ? {} : { signal }),
      });
      // One that is destroyed before it is read says so, and nobody listens.
      answer.body.on('error', () => undefined);
      return {
        status: statusCode,
        headers: joined(answer.headers),
        url: url.href,
        body: answer.body,
      };
    } catch (error) {
      throwIfAborted(signal);
      throw new Transient(`${url.host} does not answer: ${whatFailed(error)}`, { cause: error });
    }
  }

  /** The text of an answer: where not said, as much as a refusal needs, and what comes behind it is thrown away. */
  static async text({ body }: Answer, most = MAX_TEXT): Promise<string> {
    const parts: Buffer[] = [];
    let bytes = 0;
    try {
      for await (const part of body as AsyncIterable<Buffer>) {
        parts.push(part);
        bytes += part.length;
        if (bytes > most) break;
      }
    } catch (error) {
      throw new Transient(`the connection was cut: ${whatFailed(error)}`, { cause: error });
    }
    return Buffer.concat(parts).toString('utf8');
  }

  /** Ends all connections. */
  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}

function joined(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name.toLowerCase(), Array.isArray(value) ? value.join(', ') : value]],
    ),
  );
}

function targetOf(location: string, from: URL): URL {
  const target = URL.canParse(location, from.href) ? new URL(location, from) : undefined;
  if (target !== undefined && /^https?:$/.test(target.protocol)) return target;
  throw wrongRedirect(from.href, `the server redirects to ${location}, which is no address`);
}

function wrongRedirect(url: string, reason: string): SvgT2IError {
  return new SvgT2IError('ERR_SVGT2I_FETCH', `cannot fetch ${withoutQuery(url)}: ${reason}`, {
    hint: 'Something between here and the server answers in its place: check the network and the proxy.',
  });
}

/** Signed addresses carry secrets behind the question mark. */
export function withoutQuery(url: string): string {
  return url.replace(/\?.*$/s, '');
}

const REASONS: Readonly<Record<string, string>> = {
  UND_ERR_CONNECT_TIMEOUT: 'no connection in time',
  UND_ERR_HEADERS_TIMEOUT: 'no answer in time',
  UND_ERR_BODY_TIMEOUT: 'the transfer stood still',
  ENOTFOUND: 'its name is not known (no network, or a wrong address)',
  EAI_AGAIN: 'its name cannot be looked up (no network?)',
  ECONNREFUSED: 'it refuses connections',
};

/** Why a request failed, in a line: what is underneath says more than "fetch failed". */
export function whatFailed(error: unknown): string {
  const inner = isError(error) && isError(error.cause) ? error.cause : error;
  return REASONS[systemErrorCode(inner) ?? ''] ?? firstLine(inner);
}
