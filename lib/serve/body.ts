/** Reads the body of a request, up to a limit, whether its length was told or not. */
import type { Context } from 'hono';
import type { ServeEnv } from './context.js';
import { ApiError, left } from './errors.js';

/**
 * @throws ApiError 413 above `maxBytes`, at once where the length is told; 499 where the caller leaves in the middle
 */
export async function readBody(c: Context<ServeEnv>, maxBytes: number): Promise<Uint8Array> {
  if (Number(c.req.header('content-length') ?? 0) > maxBytes) throw tooLarge(maxBytes);
  const { body } = c.req.raw;
  if (body === null) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of body) {
      size += chunk.byteLength;
      if (size > maxBytes) throw tooLarge(maxBytes);
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof ApiError) throw error;
    // What breaks off on its way here is no fault of ours.
    throw left(error);
  }
  return Buffer.concat(chunks, size);
}

function tooLarge(maxBytes: number): ApiError {
  // What is still on its way is not read to its end.
  return new ApiError(413, 'body_too_large', `the body has more than ${maxBytes} bytes`, {
    headers: { connection: 'close' },
  });
}
