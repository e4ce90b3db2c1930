// Writes configs/*.schema.json from the zod schemas: npm run build:js, this script, npm run format.
import { writeFileSync } from 'node:fs';
import { CONFIG_SCHEMAS, configJsonSchema } from '../dist/config/json-schema.js';

for (const name of Object.keys(CONFIG_SCHEMAS)) {
  const file = new URL(`../configs/${name}.schema.json`, import.meta.url);
  writeFileSync(file, `${JSON.stringify(configJsonSchema(name), null, 2)}\n`);
}
