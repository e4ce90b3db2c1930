/** How pictures of shapes are drawn where nobody says otherwise. */
import type { Settings } from '../config/request.js';

export const SHAPES_SETTINGS = {
  width: 128,
  height: 128,
  steps: 25,
  batchSize: 25,
} as const satisfies Settings;
