/** The schemas of configuration files for editors; configs/*.schema.json are their printouts. */
import { z } from 'zod';
import { evalConfigSchema } from './eval/all.js';
import { sampleConfigSchema } from './sample.js';
import { serveSchema } from './serve.js';
import { autoencoderTrainingSchema } from './train-autoencoder.js';
import { ditTrainingSchema } from './train-dit.js';

/** By the name of the file: configs/NAME.schema.json. */
export const CONFIG_SCHEMAS = {
  sample: { schema: sampleConfigSchema, title: 'svg-t2i sample' },
  serve: { schema: serveSchema, title: 'svg-t2i serve' },
  eval: { schema: evalConfigSchema, title: 'svg-t2i eval' },
  'train-dit': { schema: ditTrainingSchema, title: 'svg-t2i train dit' },
  'train-autoencoder': { schema: autoencoderTrainingSchema, title: 'svg-t2i train autoencoder' },
} as const;

export function configJsonSchema(name: keyof typeof CONFIG_SCHEMAS): object {
  const { schema: zodSchema, title } = CONFIG_SCHEMAS[name];
  const schema = z.toJSONSchema(zodSchema, { io: 'input' });
  // A file that extends another need not have everything itself.
  const { required, ...rest } = schema;
  return {
    ...rest,
    title,
    properties: {
      extends: { type: 'string', description: 'another configuration file, whose values this one changes' },
      ...schema.properties,
    },
  };
}
