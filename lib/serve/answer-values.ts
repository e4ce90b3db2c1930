/** Values as answers in JSON hold them. */

/** Bytes, never with a `data:` prefix, which clients do not take off. */
export function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

export function unixSeconds(date: Date): number {
  return Math.floor(date.getTime() / 1000);
}
