/** The requests that the provider sends to `svg-t2i serve`, with failures as the AI SDK's own. */
import { z } from 'zod';
import { firstLine } from '../errors.js';
import { ApiCallError } from './api-call-error.js';

export interface ServerAccess {
  readonly baseURL: string;
  readonly apiKey?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly fetch?: typeof globalThis.fetch | undefined;
}

export interface ServerRequest {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Behind the base: /v1/jobs. */
  readonly path: string;
  readonly body?: unknown;
  /** Of the call, over those of the provider. */
  readonly headers?: Readonly<Record<string, string | undefined>> | undefined;
  readonly signal?: AbortSignal | undefined;
}

const errorSchema = z.looseObject({
  error: z.looseObject({ message: z.string(), code: z.string().nullish(), param: z.string().nullish() }),
});
export type ServerError = z.output<typeof errorSchema>['error'];

/** Longest text of an answer that an error keeps. */
const MAX_KEPT = 10_000;

/**
 * An answer of 200 to 299.
 *
 * @throws ApiCallError for every other one, and where none comes; or the signal's reason
 */
export async function send(access: ServerAccess, request: ServerRequest): Promise<Response> {
  const { method, path, body, signal } = request;
  const url = `${access.baseURL.replace(/\/+(v1\/*)?$/, '')}${path}`;
  const details = { url, requestBodyValues: body ?? {} };
  let answer: Response;
  try {
    answer = await (access.fetch ?? fetch)(url, {
      method,
      headers: headersOf(access, request),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    });
  } catch (error) {
    signal?.throwIfAborted();
    throw new ApiCallError(`cannot reach ${url}: ${causeOf(error)}`, { ...details, cause: error });
  }
  if (answer.ok) return answer;
  const text = (await answer.text()).slice(0, MAX_KEPT);
  const data = errorOf(text);
  throw new ApiCallError(data?.message ?? `${url} answers ${answer.status} ${answer.statusText}`, {
    ...details,
    statusCode: answer.status,
    responseHeaders: Object.fromEntries(answer.headers),
    responseBody: text,
    data: data === undefined ? undefined : { error: data },
  });
}

function headersOf(access: ServerAccess, { body, headers = {} }: ServerRequest): Record<string, string> {
  const given = Object.entries({ ...access.headers, ...headers }).filter(([, value]) => value !== undefined);
  return {
    ...(access.apiKey === undefined ? {} : { authorization: `Bearer ${access.apiKey}` }),
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    ...(Object.fromEntries(given) as Record<string, string>),
  };
}

function errorOf(text: string): ServerError | undefined {
  try {
    return errorSchema.safeParse(JSON.parse(text)).data?.error;
  } catch {
    return undefined; // no JSON: the status says all there is
  }
}

/** Of a fetch that failed: what undici puts behind its own message. */
function causeOf(error: unknown): string {
  const { cause } = error as { readonly cause?: unknown };
  return firstLine(cause ?? error);
}

const capabilitiesSchema = z.looseObject({
  models: z.array(
    z.looseObject({
      id: z.string(),
      // A model that is being loaded does not say yet.
      cell_pixels: z.number().int().min(1).optional(),
      patch: z.number().int().min(1).optional(),
      max_side: z.number().min(1).optional(),
      defaults: z.looseObject({ size: z.string().optional() }).prefault({}),
    }),
  ),
  limits: z.looseObject({ n: z.number().int().min(1) }),
});
export type Capabilities = z.output<typeof capabilitiesSchema>;

/** What the server can draw. Throws as send(), and ApiCallError where it is no such server. */
export async function capabilitiesOf(access: ServerAccess, signal?: AbortSignal): Promise<Capabilities> {
  const path = '/v1/capabilities';
  const answer = await send(access, { method: 'GET', path, signal });
  const text = await answer.text();
  try {
    return capabilitiesSchema.parse(JSON.parse(text));
  } catch (error) {
    throw new ApiCallError(`${access.baseURL} is no server of svg-t2i`, {
      url: access.baseURL + path,
      requestBodyValues: {},
      responseBody: text.slice(0, MAX_KEPT),
      cause: error,
      isRetryable: false,
    });
  }
}
