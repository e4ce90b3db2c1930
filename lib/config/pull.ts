/** What is fetched of the hub, and how. */
import { z } from 'zod';

export const PULL_PURPOSES = ['sampling', 'training', 'reconstruct'] as const;
/** What the weights are wanted for. */
export type PullPurpose = (typeof PULL_PURPOSES)[number];

export const pullSchema = z.strictObject({
  name: z
    .string()
    .min(1)
    .default('svg-t2i')
    .describe('svg-t2i, svg-t2i-r, dinov3-s16plus, gemma-2-2b, or ORG/NAME; @REVISION where it is not main'),
  for: z
    .enum(PULL_PURPOSES)
    .optional()
    .describe('what they are wanted for (default: sampling, of svg-t2i-r reconstruct)'),
  include: z
    .array(z.string().min(1))
    .min(1)
    .optional()
    .describe(
      'of the repository, the files that match, in place of those that --for needs; * also matches slashes',
    ),
  into: z
    .string()
    .min(1)
    .optional()
    .describe(
      "put the files themselves into this folder, which --pretrained takes, and leave the hub's cache alone",
    ),
  connections: z
    .number()
    .int()
    .min(1)
    .max(64)
    .default(8)
    .describe('how many pieces are fetched at a time (default: 8)'),
  retries: z
    .number()
    .int()
    .min(0)
    .max(100)
    .default(6)
    .describe('how often in a row a connection that brings nothing is tried again (default: 6)'),
});

export type PullConfig = z.output<typeof pullSchema>;
