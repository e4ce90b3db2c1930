/** How pictures of shapes are drawn where nobody says otherwise. */
import type { Settings } from '../config/settings.js';

export const SHAPES_SETTINGS = {
  width: 64,
  height: 64,
  steps: 25,
  batchSize: 25,
  systemPrompt: 'empty',
} as const satisfies Settings;
