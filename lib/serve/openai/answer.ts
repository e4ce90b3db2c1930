/** What /v1/images/generations answers: OpenAI's published fields, told of the pictures as they were drawn. */
import { base64, unixSeconds } from '../answer-values.js';
import type { Job, JobPicture } from '../job.js';

/** Of a stream's last event, where clients with strict types need the object: nothing is charged, so nothing is counted. */
const NO_USAGE = {
  input_tokens: 0,
  input_tokens_details: { image_tokens: 0, text_tokens: 0 },
  output_tokens: 0,
  total_tokens: 0,
} as const;

/** Qualities that answers know; `auto`, `hd` and `standard` are for the server to settle. */
const QUALITIES = ['low', 'medium', 'high'] as const;
export type Quality = (typeof QUALITIES)[number];

/** The quality that an answer repeats. */
export function answeredQuality(asked: unknown): Quality {
  return QUALITIES.find((quality) => quality === asked) ?? 'high';
}

/** How pictures are answered. */
export interface AnswerHow {
  readonly quality: Quality;
  /** Where a picture is fetched, for answers by URL; undefined: in base64. */
  readonly urlOf?: ((picture: JobPicture) => string) | undefined;
}

/** The whole answer. */
export function imagesAnswer(job: Job, { quality, urlOf }: AnswerHow) {
  const [first] = job.pictures;
  return {
    created: unixSeconds(job.createdAt),
    ...(first === undefined ? {} : { ...settled(first, quality), output_format: first.format }),
    data: job.pictures.map((picture) => ({
      ...(urlOf === undefined ? { b64_json: base64(picture.bytes) } : { url: urlOf(picture) }),
      seed: picture.seed,
    })),
  };
}

/** A preview, as an event of the stream. */
export function partialImage(
  preview: { readonly index: number; readonly format: string; readonly bytes: Uint8Array },
  partialIndex: number,
  about: { readonly width: number; readonly height: number; readonly quality: Quality },
) {
  return {
    type: 'image_generation.partial_image' as const,
    b64_json: base64(preview.bytes),
    partial_image_index: partialIndex,
    created_at: unixSeconds(new Date()),
    ...settled(about, about.quality),
    output_format: preview.format,
    index: preview.index,
  };
}

/** A picture that is done, as an event of the stream. */
export function completedImage(picture: JobPicture, quality: Quality) {
  return {
    type: 'image_generation.completed' as const,
    b64_json: base64(picture.bytes),
    created_at: unixSeconds(new Date()),
    ...settled(picture, quality),
    output_format: picture.format,
    index: picture.index,
    seed: picture.seed,
    usage: NO_USAGE,
  };
}

function settled({ width, height }: { readonly width: number; readonly height: number }, quality: Quality) {
  return { background: 'opaque' as const, quality, size: `${width}x${height}` };
}
