/** The body of A1111's /sdapi/v1/txt2img and /options: the fields that mean something here; A1111 itself ignores the others too. */
import { z } from 'zod';

/** Clients send numbers as texts as well: SillyTavern a seed of "-1". */
const number = z
  .union([
    z.number(),
    z
      .string()
      .regex(/^-?\d+(\.\d+)?$/, { error: 'must be a number' })
      .transform(Number),
  ])
  .nullish();
const count = z.number().int().min(1).nullish();
const name = z.string().nullish();

export const txt2imgSchema = z.object({
  prompt: z.string().nullish().describe('what to draw'),
  negative_prompt: name.describe('what to steer away from'),
  width: number.describe('pixels'),
  height: number.describe('pixels'),
  steps: number.describe('solver steps'),
  cfg_scale: number.describe('classifier-free guidance; 1 turns it off'),
  seed: number.describe('of the first picture; -1 is random'),
  sampler_name: name.describe('a name of /sdapi/v1/samplers'),
  sampler_index: name.describe('older name of sampler_name'),
  batch_size: count.describe('pictures'),
  n_iter: count.describe('how often batch_size pictures are drawn'),
  send_images: z.boolean().nullish().describe('false: answer without the pictures'),
  override_settings: z
    .object({ sd_model_checkpoint: name.describe('name of the model') })
    .nullish()
    .describe('settings of this request alone'),
});

export const a1111OptionsSchema = z.object({
  sd_model_checkpoint: name.describe('the model that the next pictures of this client are drawn with'),
});

export type Txt2img = z.output<typeof txt2imgSchema>;
