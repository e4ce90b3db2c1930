import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { loadSampleConfig } from '../../../lib/cli/sample-config.js';
import { cellPixelsOf } from '../../../lib/config/latent-grid.js';
import { findCellPixels } from '../../../lib/release/cell-pixels.js';
import { readDefaultsFile } from '../../../lib/release/model-defaults.js';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'svg-cells-'));
  mkdirSync(join(folder, 'autoencoder'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** An autoencoder of so many levels. */
function writeAutoencoder(ch_mult: readonly number[]): void {
  const place = join(folder, 'autoencoder');
  writeFileSync(join(place, 'svg_autoencoder-P-stage3.ckpt'), '');
  writeFileSync(
    join(place, 'svg_autoencoder_P_stage3_1024.yaml'),
    `model:
  params:
    ckpt_path: svg_autoencoder-P-stage3.ckpt
    ddconfig: { z_channels: 8, ch: 32, ch_mult: [${ch_mult}], num_res_blocks: 1 }
`,
  );
}

it.each([
  [{ ch_mult: [1, 1, 2, 2, 4] }, 16],
  [{ ch_mult: [1, 2, 4] }, 4],
  [{ kind: 'hunyuan', ffactor_spatial: 8 }, 8],
  [undefined, 16],
])('a decoder %j has cells of %i pixels', (decoder, pixels) => {
  expect(cellPixelsOf(decoder)).toBe(pixels);
});

it('sizes keep to the cells of the autoencoder that is drawn with', async () => {
  writeAutoencoder([1, 2, 2, 4]);
  const ask = (width: number) =>
    loadSampleConfig({ set: [`model.pretrained=${folder}`, `sample.width=${width}`] });
  expect(findCellPixels({ pretrained: folder })).toBe(8);
  expect((await ask(24)).sample.width).toBe(24);
  await expect(ask(20)).rejects.toThrow('must be a multiple of 8, got 20');

  writeAutoencoder([1, 1, 2, 2, 2, 4]);
  await expect(ask(48)).rejects.toThrow('must be a multiple of 32, got 48');
});

it('defaults.yaml is held to them too, by its own name', async () => {
  writeAutoencoder([1, 2, 2, 4]);
  const ask = () => loadSampleConfig({ set: [`model.pretrained=${folder}`] });
  writeFileSync(join(folder, 'defaults.yaml'), 'width: 248\n');
  expect((await ask()).sample.width).toBe(248);
  writeFileSync(join(folder, 'defaults.yaml'), 'width: 250\n');
  await expect(ask()).rejects.toThrow(/defaults\.yaml: width: must be a multiple of 8, got 250/);
  // Where the cells are not known yet, no side is held to any.
  expect(readDefaultsFile(folder).read(undefined).settings).toEqual({ width: 250 });
});

it('without an autoencoder they are those of the published ones', async () => {
  expect(findCellPixels({ pretrained: folder })).toBe(16);
  const asked = loadSampleConfig({ set: [`model.pretrained=${folder}`, 'sample.width=24'] });
  await expect(asked).rejects.toThrow('must be a multiple of 16, got 24');
});
