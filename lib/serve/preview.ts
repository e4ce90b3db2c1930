/** Previews: how often, and how small. */

import type { DrawRequest } from '../config/draw-request.js';
import { isAdaptive } from '../config/request.js';
import type { RgbImage } from '../image/rgb-image.js';
import { encodeThumbnail } from '../image/thumbnail.js';
import type { CheckedDraw } from './models.js';

/** Clients take long over long lines of a stream. */
export const MAX_PREVIEW_SIDE = 256;
export const PREVIEW_FORMAT = 'jpeg';
const PREVIEW_QUALITY = 75;
/** Of a picture: each takes a part of its time. */
const MAX_PREVIEWS = 20;
/** Between previews of a solver that chooses its steps. */
const ADAPTIVE_STEPS = 10;

/** Steps from one preview to the next; 0: none. */
export function previewEvery(
  { previews, previewEvery: every }: DrawRequest,
  { steps, solver }: Pick<CheckedDraw, 'steps' | 'solver'>,
): number {
  if (every === 0) return 0;
  const least = isAdaptive(solver) ? ADAPTIVE_STEPS : Math.ceil(steps / MAX_PREVIEWS);
  if (every !== undefined) return Math.max(every, least);
  if (previews === 0) return 0;
  return isAdaptive(solver) ? ADAPTIVE_STEPS : Math.max(1, Math.ceil(steps / (previews + 1)));
}

/** Previews of a picture, at most: how many were asked for where they were counted. */
export function maxPreviews({ previews, previewEvery: every }: DrawRequest): number {
  return every === undefined ? previews : Number.POSITIVE_INFINITY;
}

/** The bytes of a small picture. */
export function encodePreview(image: RgbImage): Promise<Uint8Array> {
  return encodeThumbnail(image, { maxSide: MAX_PREVIEW_SIDE, quality: PREVIEW_QUALITY });
}
