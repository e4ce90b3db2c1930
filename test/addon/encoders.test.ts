// What the configuration knows of encoders, held against the engine's catalogue.
import { expect, it } from 'vitest';
import { ENCODERS } from '../../dist/config/encoder-model.js';
import { Engine } from '../../dist/engine.js';

it('knows the catalogue’s encoders, their files and the channels of their published sizes', async () => {
  await using engine = await Engine.create({ device: 'cpu' });
  const { value } = await engine.run('catalogue', {});
  const { encoders } = value as unknown as { encoders: readonly { name: string }[] };
  expect(encoders).toEqual(
    Object.entries(ENCODERS).map(([name, { files, yamlKey, presets }]) =>
      expect.objectContaining({ name, files, yamlKey, presets }),
    ),
  );
});
