/** Bytes in JSON. */

/** Never with a `data:` prefix, which clients do not take off. */
export function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}
