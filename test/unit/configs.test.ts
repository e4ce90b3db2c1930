import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { CONFIG_SCHEMAS, configJsonSchema } from '../../lib/config/json-schema.js';
import { loadConfig } from '../../lib/config/load.js';
import { sampleConfigSchema } from '../../lib/config/sample.js';
import { loadTrainingConfig } from '../../lib/config/train.js';

const folder = fileURLToPath(new URL('../../configs/', import.meta.url));
const files = readdirSync(folder).filter((name) => name.endsWith('.yaml'));

it.each(files)('configs/%s is valid', async (file) => {
  const config = await loadConfig(sampleConfigSchema, { file: folder + file });
  expect(config.sample.solver).toBe('dpm++');
});

it('configs/sample.yaml is what is used without a file', async () => {
  const [file, none] = await Promise.all([
    loadConfig(sampleConfigSchema, { file: `${folder}sample.yaml` }),
    loadConfig(sampleConfigSchema, {}),
  ]);
  expect(file).toEqual({
    ...none,
    sample: { ...none.sample, shift: 10 },
    output: { ...none.output, format: 'png' },
  });
});

it.each(Object.keys(CONFIG_SCHEMAS) as (keyof typeof CONFIG_SCHEMAS)[])(
  'configs/%s.schema.json is up to date (node scripts/write-schema.mjs)',
  (name) => {
    const written: unknown = JSON.parse(readFileSync(`${folder}${name}.schema.json`, 'utf8'));
    expect(written).toEqual(configJsonSchema(name));
  },
);

it.each(['dit', 'autoencoder'] as const)('configs/test/tiny-%s.yaml is valid', async (stage) => {
  const config = await loadTrainingConfig(stage, { file: `${folder}test/tiny-${stage}.yaml` });
  expect(config.steps).toBe(8);
});
