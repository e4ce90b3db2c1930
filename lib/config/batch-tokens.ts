/** How much an engine draws at one time. */
import { z } from 'zod';

/** Four pictures of 1024 x 1024 px with the published models, sixty-four of 256 x 256 px. */
export const DEFAULT_MAX_BATCH_TOKENS = 16_384;

export const maxBatchTokensSchema = z
  .number()
  .int()
  .min(1)
  .describe(
    'image tokens of all requests that are drawn at one time; others wait, and one that is alone may have more',
  );
