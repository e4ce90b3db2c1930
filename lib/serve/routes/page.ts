/** The page: its few files, read once at the start, so that no path of a request ever reaches the disk. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Context, Hono } from 'hono';
import { fileError, systemErrorCode } from '../../errors.js';
import type { ServeEnv } from '../context.js';
import { ApiError } from '../errors.js';

const FOLDER = fileURLToPath(new URL('../page/', import.meta.url));

const MEDIA_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** What the page may load and run: its own files, and pictures that its scripts hold. */
export const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

interface PageFile {
  readonly bytes: Buffer;
  readonly etag: string;
  readonly mediaType: string;
}

export function pageRoutes(folder = FOLDER): Hono<ServeEnv> {
  const files = readPage(folder);
  const app = new Hono<ServeEnv>();
  app.get('/', (c) => answer(c, files.get('index.html')));
  app.get('/page/:name', (c) => answer(c, files.get(c.req.param('name'))));
  return app;
}

function answer(c: Context<ServeEnv>, file: PageFile | undefined): Response {
  if (file === undefined) throw new ApiError(404, 'not_found', 'there is no such file of the page');
  const headers = { etag: file.etag, 'cache-control': 'no-cache', 'content-security-policy': PAGE_POLICY };
  if (c.req.header('if-none-match') === file.etag) return c.body(null, 304, headers);
  return c.body(new Uint8Array(file.bytes), 200, { ...headers, 'content-type': file.mediaType });
}

/** By their names; files of other kinds, such as types, are no part of it. */
function readPage(folder: string): ReadonlyMap<string, PageFile> {
  try {
    const names = readdirSync(folder).filter((name) => MEDIA_TYPES[extname(name)] !== undefined);
    return new Map(names.map((name) => [name, readPageFile(folder, name)]));
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return new Map();
    throw fileError(error, 'read', folder);
  }
}

function readPageFile(folder: string, name: string): PageFile {
  const bytes = readFileSync(`${folder}/${name}`);
  const etag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`;
  return { bytes, etag, mediaType: MEDIA_TYPES[extname(name)] ?? 'application/octet-stream' };
}
