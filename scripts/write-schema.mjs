// Writes configs/sample.schema.json from the zod schema: npm run build:js, this script, npm run format.
import { writeFileSync } from 'node:fs';
import { sampleJsonSchema } from '../dist/config/json-schema.js';

const file = new URL('../configs/sample.schema.json', import.meta.url);
writeFileSync(file, `${JSON.stringify(sampleJsonSchema(), null, 2)}\n`);
