/** What statistics say of where they come from: a member of the npz that other readers pass over. */
import { z } from 'zod';
import { SvgT2IError } from '../errors.js';
import type { NpzFile } from '../npz/read.js';
import type { NpzOutput } from '../npz/write.js';

/** Beside mu and sigma. */
const PROVENANCE_MEMBER = 'provenance';
const MAX_BYTES = 65_536;

const provenanceSchema = z.looseObject({
  /** Whose program wrote it. */
  writer: z.string(),
  /** Sizes as they were measured, the most frequent first: `256x256`. */
  sizes: z.array(z.string()),
  /** How they were cut and read, in words. */
  reading: z.string(),
  /** Equal for equal sets that were read alike: fingerprintOf. */
  fingerprint: z.string(),
});

export type Provenance = z.output<typeof provenanceSchema>;

/** Undefined where the file does not say. */
export async function readProvenance(file: NpzFile): Promise<Provenance | undefined> {
  if (!file.has(PROVENANCE_MEMBER)) return undefined;
  const { dtype, bytes } = await file.member(PROVENANCE_MEMBER);
  // Somebody else's member of that name.
  if (dtype !== 'uint8' || bytes > MAX_BYTES) return undefined;
  const { data } = await file.read(PROVENANCE_MEMBER);
  try {
    return provenanceSchema.parse(
      JSON.parse(Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString()),
    );
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof z.ZodError) {
      throw new SvgT2IError(
        'ERR_SVGT2I_FILE_FORMAT',
        `${file.path}: its member ${PROVENANCE_MEMBER} is broken`,
        {
          hint: 'Write the statistics anew with svg-t2i eval stats.',
          cause: error,
        },
      );
    }
    throw error;
  }
}

/** The member that says it. */
export function provenanceMember(provenance: Provenance): NpzOutput {
  const data = new Uint8Array(Buffer.from(JSON.stringify(provenance)));
  return { name: PROVENANCE_MEMBER, dtype: 'uint8', shape: [data.length], data };
}
