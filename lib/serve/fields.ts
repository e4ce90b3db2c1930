/** The body of a request as fields and files: JSON under any content type, forms of both kinds. */
import type { Context } from 'hono';
import { firstLine } from '../errors.js';
import { readBody } from './body.js';
import type { ServeEnv } from './context.js';
import { ApiError } from './errors.js';
import { type MultipartForm, parseMultipart, type UploadedFile } from './multipart.js';

/** What a client sent. */
export interface BodyFields {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly files: readonly UploadedFile[];
}

/**
 * Reads a body. `curl -d` says that JSON is an urlencoded form, and some clients say nothing: what begins with a brace is JSON.
 *
 * @throws ApiError 400 for what is neither, 413 above `maxBytes`
 */
export async function readFields(c: Context<ServeEnv>, maxBytes: number): Promise<BodyFields> {
  const type = c.req.header('content-type') ?? '';
  const bytes = await readBody(c, maxBytes);
  if (/^\s*multipart\/form-data/i.test(type)) return multipart(bytes, type);
  const text = utf8(bytes);
  if (/^\s*application\/x-www-form-urlencoded/i.test(type) && !/^\s*[{[]/.test(text)) {
    return { fields: Object.fromEntries(new URLSearchParams(text)), files: [] };
  }
  return { fields: jsonObject(text), files: [] };
}

async function multipart(bytes: Uint8Array, type: string): Promise<MultipartForm> {
  try {
    return await parseMultipart(bytes, type);
  } catch (cause) {
    throw new ApiError(400, 'invalid_form', `the form cannot be read: ${firstLine(cause)}`, { cause });
  }
}

function utf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw noJson('the body is no UTF-8 text', cause);
  }
}

function jsonObject(text: string): Readonly<Record<string, unknown>> {
  const value = parseJson(text);
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw noJson('the body is no JSON object');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw noJson(text.trim() === '' ? 'the body is empty' : 'the body is no JSON', cause);
  }
}

function noJson(what: string, cause?: unknown): ApiError {
  return new ApiError(400, 'invalid_json', `${what}. Send an object such as {"prompt":"a red circle"}.`, {
    cause,
  });
}
