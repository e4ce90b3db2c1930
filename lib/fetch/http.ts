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
  readonly method?: 'GET' | 'HEAD';
  readonly headers?: Readonly<Record<string, string>>;
  /** False: a redirect is the answer. */
  readonly follow?: boolean;
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
  #wasAnswered = false;

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
        // Without its cause, which has the address with the password in it.
      });
    }
  }

  /**
   * The answer to a question, whatever its status; redirects are followed. Its body must be read or destroyed.
   *
   * @throws Transient where there is no answer; SvgT2IError ERR_SVGT2I_FETCH for a redirect that must not be followed
   */
  async send(url: string, { follow = true, ...question }: Question = {}): Promise<Answer> {
    let at = new URL(url);
    for (let hops = 0; ; hops += 1) {
      const answer = await this.#ask(at, question);
      const target = answer.headers.location;
      if (!follow || !REDIRECTS.has(answer.status) || target === undefined) return answer;
      answer.body.destroy();
      const next = targetOf(target, at);
      if (hops === MOST_REDIRECTS) throw wrongRedirect(url, 'the server redirects without end');
      if (at.protocol === 'https:' && next.protocol !== 'https:') {
        throw wrongRedirect(url, `the server redirects to ${next.origin}, which is not encrypted`);
      }
      at = next;
    }
  }

  async #ask(url: URL, { method = 'GET', headers = {}, signal }: Question): Promise<Answer> {
    const { token, tokenOrigin } = this.#options;
    const knowsToken = token !== undefined && tokenOrigin !== undefined && url.origin === tokenOrigin;
    try {
      const { statusCode, ...answer } = await request(url, {
        method,
        headers: {
          'user-agent': `svg-t2i/${PACKAGE_VERSION}; node/${process.versions.node}`,
          'accept-encoding': 'identity',
          ...headers,
          ...(knowsToken ? { authorization: `Bearer ${token}` } : {}),
        },
        dispatcher: this.#agent,
        ...(signal === undefined ? {} : { signal }),
      });
      // One that is destroyed before it is read says so, and nobody listens.
      answer.body.on('error', () => undefined);
      if (statusCode === PROXY_WANTS_LOGIN) {
        answer.body.destroy();
        throw proxyRefuses();
      }
      this.#wasAnswered = true;
      return {
        status: statusCode,
        headers: joined(answer.headers),
        url: url.href,
        body: answer.body,
      };
    } catch (error) {
      throwIfAborted(signal);
      if (SvgT2IError.isInstance(error)) throw error;
      const hopeless = hopelessError(error, url);
      // Where others answered, the network itself may be away for a moment.
      const mayPass = this.#wasAnswered && isUnknownName(error);
      if (hopeless !== undefined && !mayPass) throw hopeless;
      throw new Transient(`${url.host} does not answer: ${ofProxy(error, url) ?? whatFailed(error)}`, {
        cause: error,
      });
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
  throw wrongRedirect(from.href, `the server redirects to ${withoutSecrets(location)}, which is no address`);
}

function wrongRedirect(url: string, reason: string): SvgT2IError {
  return new SvgT2IError('ERR_SVGT2I_FETCH', `cannot fetch ${withoutSecrets(url)}: ${reason}`, {
    hint: 'Something between here and the server answers in its place: check the network and the proxy.',
  });
}

/** Signed addresses carry secrets behind the question mark, others before the host. */
export function withoutSecrets(url: string): string {
  return url.replace(/\?.*$/s, '').replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/]*@/i, '$1');
}

/** Throws where bytes are not those of the file: all that we send asks for them as they are. */
export function refusePacked({ headers, url }: Answer): void {
  const encoding = headers['content-encoding'] ?? 'identity';
  if (/^(identity)?$/i.test(encoding.trim())) return;
  throw new SvgT2IError(
    'ERR_SVGT2I_FETCH',
    `${new URL(url).host} sends Content-Encoding ${encoding}, which it was not asked for`,
    {
      hint: 'A proxy in between packs what it should pass on: set NO_PROXY, or try another HF_ENDPOINT or network.',
    },
  );
}

const PROXY_WANTS_LOGIN = 407;
const CERTIFICATE = /^(ERR_TLS_CERT_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_(GET|VERIFY))/;

function proxyRefuses(): SvgT2IError {
  return new SvgT2IError(
    'ERR_SVGT2I_FETCH',
    'the proxy wants a name and a password, or other ones (HTTP 407)',
    {
      hint: 'Put them into HTTPS_PROXY and HTTP_PROXY: http://NAME:PASSWORD@proxy.example:3128. NO_PROXY lists hosts without.',
    },
  );
}

/** What no other try can mend; undefined for all else. */
export function hopelessError(error: unknown, url: URL): SvgT2IError | undefined {
  const inner = innermost(error);
  const code = systemErrorCode(inner) ?? '';
  if (/Proxy response \(407\)/.test(firstLine(inner))) return proxyRefuses();
  if (CERTIFICATE.test(code)) {
    return new SvgT2IError(
      'ERR_SVGT2I_FETCH',
      `the certificate of ${url.host} is not trusted: ${firstLine(inner)}`,
      {
        hint: 'Where a proxy or a company signs certificates itself, set NODE_EXTRA_CA_CERTS to its certificate (a .pem file).',
        cause: error,
      },
    );
  }
  if (!isUnknownName(error)) return undefined;
  const name =
    'hostname' in Object(inner) ? String((inner as { readonly hostname?: unknown }).hostname) : url.hostname;
  const whose = name === url.hostname ? name : `the proxy ${name}`;
  return new SvgT2IError('ERR_SVGT2I_FETCH', `${whose} cannot be reached: ${REASONS.ENOTFOUND}`, {
    hint: 'Check the network, HF_ENDPOINT, and HTTPS_PROXY behind a proxy.',
    cause: error,
  });
}

function isUnknownName(error: unknown): boolean {
  return systemErrorCode(innermost(error)) === 'ENOTFOUND';
}

/** Where it is the proxy that fails; undefined where it cannot be told. */
function ofProxy(error: unknown, url: URL): string | undefined {
  const inner = innermost(error);
  const [, status] = /Proxy response \((\d+)\)/.exec(firstLine(inner)) ?? [];
  if (status !== undefined) return `the proxy answers HTTP ${status}`;
  if (systemErrorCode(inner) !== 'ECONNREFUSED') return undefined;
  const { address, port } = inner as { readonly address?: unknown; readonly port?: unknown };
  const own = Number(url.port || (url.protocol === 'https:' ? 443 : 80));
  return typeof port === 'number' && port !== own
    ? `the proxy at ${address}:${port} refuses connections`
    : undefined;
}

function innermost(error: unknown): unknown {
  return isError(error) && isError(error.cause) ? error.cause : error;
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
  const inner = innermost(error);
  return REASONS[systemErrorCode(inner) ?? ''] ?? firstLine(inner);
}
