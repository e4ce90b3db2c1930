/** The schema of configuration files for editors; configs/sample.schema.json is its printout. */
import { z } from 'zod';
import { sampleConfigSchema } from './sample.js';

export function sampleJsonSchema(): object {
  const schema = z.toJSONSchema(sampleConfigSchema, { io: 'input' });
  return {
    ...schema,
    title: 'svg-t2i sample',
    properties: {
      extends: { type: 'string', description: 'another configuration file, whose values this one changes' },
      ...schema.properties,
    },
  };
}
