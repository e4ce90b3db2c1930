/** Small copies of a report's pictures, as many as the page has room for. */
import { encodeThumbnail } from '../../image/thumbnail.js';
import type { ContactSheet, ReportPicture } from '../report-content.js';

/** Longest side in pixels: what a column of a sheet shows on a fine screen. */
const MAX_SIDE = 256;
const QUALITY = 80;
/** Letters of the page around one. */
const MARKUP_BYTES = 120;
/** At a time; sharp has threads of its own. */
const AT_ONCE = 8;

export interface Thumbnail {
  /** `data:` address. */
  readonly url: string;
  readonly width: number;
  readonly height: number;
}

export interface Thumbnails {
  readonly of: (picture: ReportPicture) => readonly Thumbnail[];
  /** Pictures that have none, for want of room. */
  readonly left: number;
}

export const NO_THUMBNAILS: Thumbnails = { of: () => [], left: 0 };

/** The first pictures of every sheet before the second ones, up to `maxBytes` of page. */
export async function makeThumbnails(sheets: readonly ContactSheet[], maxBytes: number): Promise<Thumbnails> {
  const longest = Math.max(0, ...sheets.map(({ pictures }) => pictures.length));
  const inTurn = Array.from({ length: longest }, (_, i) => sheets.map(({ pictures }) => pictures[i]))
    .flat()
    .filter((picture) => picture !== undefined && picture.images.length > 0) as ReportPicture[];
  const made = new Map<ReportPicture, readonly Thumbnail[]>();
  let bytes = 0;
  for (let start = 0; start < inTurn.length && bytes < maxBytes; start += AT_ONCE) {
    const group = inTurn.slice(start, start + AT_ONCE);
    const encoded = await Promise.all(group.map(({ images }) => Promise.all(images.map(thumbnailOf))));
    for (const [i, picture] of group.entries()) {
      const thumbnails = encoded[i] ?? [];
      bytes += thumbnails.reduce((sum, { url }) => sum + url.length + MARKUP_BYTES, 0);
      if (bytes <= maxBytes) made.set(picture, thumbnails);
    }
  }
  return { of: (picture) => made.get(picture) ?? [], left: new Set(inTurn).size - made.size };
}

async function thumbnailOf(image: ReportPicture['images'][number]): Promise<Thumbnail> {
  const bytes = await encodeThumbnail(image, { maxSide: MAX_SIDE, quality: QUALITY });
  const scale = Math.min(1, MAX_SIDE / Math.max(image.width, image.height));
  const side = (pixels: number) => Math.max(1, Math.round(pixels * scale));
  return {
    url: `data:image/jpeg;base64,${Buffer.from(bytes).toString('base64')}`,
    width: side(image.width),
    height: side(image.height),
  };
}
