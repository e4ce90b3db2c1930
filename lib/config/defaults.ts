/** defaults.yaml of a release: settings of `sample`, and facts about its models. */
import { z } from 'zod';
import { modelSchema } from './model.js';
import { checkTogether, settingsSchemaOf } from './request.js';

const { attentionSoftCap } = modelSchema.shape;

/** For an autoencoder with cells of so many pixels a side; undefined: not known yet. */
export function defaultsSchemaOf(cellPixels: number | undefined) {
  return settingsSchemaOf(cellPixels)
    .extend({
      attentionSoftCap,
      trainedSizes: z
        .array(z.string().regex(/^\d+x\d+$/, { error: 'must be WIDTHxHEIGHT' }))
        .min(1)
        .optional(),
    })
    .superRefine(checkTogether);
}
