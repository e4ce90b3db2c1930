/** defaults.yaml of a release: settings of `sample`, and facts about its models. */
import { z } from 'zod';
import { modelSchema } from './model.js';
import { checkTogether, settingsSchema } from './request.js';

const { attentionSoftCap } = modelSchema.shape;

export const defaultsSchema = settingsSchema
  .extend({
    attentionSoftCap,
    trainedSizes: z
      .array(z.string().regex(/^\d+x\d+$/, { error: 'must be WIDTHxHEIGHT' }))
      .min(1)
      .optional(),
  })
  .superRefine(checkTogether);
