/** Forms of `multipart/form-data`, as any client writes them. */
import { Busboy } from '@fastify/busboy';

/** A file of a form; what it is, its bytes say, since clients send `application/octet-stream` and a file named `blob`. */
export interface UploadedFile {
  /** Name of the form's field, `image[]` say. */
  readonly field: string;
  readonly bytes: Uint8Array;
}

/** What a form holds; of a text that is repeated the last one counts. */
export interface MultipartForm {
  readonly fields: Readonly<Record<string, string>>;
  readonly files: readonly UploadedFile[];
}

/** A form of pictures has a few; one of a million empty parts would take long. */
const MAX_PARTS = 1000;

/**
 * Reads a form that is there as a whole. Node's own `Response.formData()` is too strict for it: it wants boundaries of 27
 * characters and knows no `filename*`, which Python's clients write.
 *
 * @throws Error that says what is wrong with it
 */
export function parseMultipart(body: Uint8Array, contentType: string): Promise<MultipartForm> {
  return new Promise((resolve, reject) => {
    const fields = new Map<string, string>();
    const files: UploadedFile[] = [];
    const parser = new Busboy({
      headers: { 'content-type': contentType },
      limits: { parts: MAX_PARTS, fieldSize: body.byteLength + 1 },
    });
    parser.on('field', (name, value) => fields.set(name, value));
    parser.on('file', (field, stream) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('error', reject);
      stream.on('end', () => files.push({ field, bytes: Buffer.concat(chunks) }));
    });
    parser.on('partsLimit', () => reject(new Error(`it has more than ${MAX_PARTS} parts`)));
    parser.on('error', reject);
    parser.on('finish', () => resolve({ fields: Object.fromEntries(fields), files }));
    parser.end(body);
  });
}
