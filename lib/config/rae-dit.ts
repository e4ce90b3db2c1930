/** What a file beside the weights of RAE's transformer may say of it, under the names of its yaml (stage_2.params). */
import { z } from 'zod';
import { VELOCITY_MODELS } from '../facts.js';
import { labelDropout } from './class-dit.js';
import { keysOf } from './defined.js';

const size = () => z.number().int().min(1).max(1_000_000);
/** One number, or one each of the deep part and of the head. */
const ofParts = (one: z.ZodNumber) =>
  z.union([one, z.tuple([one, one])], { error: 'must be a number or a list of two' });

/** What it leaves out, the weights tell. */
export const raeArgumentsSchema = z
  .strictObject({
    kind: z.literal('rae-dit'),
    arch: z.enum(keysOf(VELOCITY_MODELS['rae-dit'].presets)),
    in_channels: size(),
    input_size: size(),
    patch_size: ofParts(size().max(1)),
    hidden_size: ofParts(size()),
    depth: ofParts(size()),
    num_heads: ofParts(size()),
    mlp_ratio: z.number().positive().max(1000),
    num_classes: size(),
    class_dropout_prob: labelDropout,
    use_qknorm: z.boolean(),
    use_swiglu: z.boolean(),
    use_rope: z.boolean(),
    use_rmsnorm: z.boolean(),
    wo_shift: z.boolean(),
    use_pos_embed: z.boolean(),
  })
  .partial()
  .required({ kind: true });
