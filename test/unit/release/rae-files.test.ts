// Where the files of a representation autoencoder are looked for.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { modelSchema } from '../../../lib/config/model.js';
import { findRelease } from '../../../lib/release/layout.js';
import { findRae } from '../../../lib/release/rae-files.js';
import { releaseFiles, writeFiles } from '../release.js';

let base: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'svg-rae-'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(base, { recursive: true });
});

const decoder = 'decoders/dinov2/wReg_base/ViTXL_n08/model.pt';
const original = {
  [decoder]: '',
  'decoders/siglip2/base_p16_i256/ViTXL_n08/model.pt': '',
  'decoders/mae/base_p16/ViTXL_n08/model.pt': '',
  'stats/dinov2/wReg_base/imagenet1k/stat.pt': '',
  'stats/siglip2/base_p16_i256/imagenet1k/stat.pt': '',
  'encoders/dinov2/wReg_base/model.safetensors': '',
  'siglip2-base-patch16-256/model.safetensors': '',
  'siglip2-base-patch16-256/preprocessor_config.json':
    '{"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5], "size": {"height": 256}}',
};

it('takes the decoder on DINOv2 of the original collection, its statistics and its encoder', () => {
  writeFiles(base, original);
  expect(findRae(base)).toEqual({
    checkpoint: join(base, decoder),
    encoder: join(base, 'encoders/dinov2/wReg_base'),
    statistics: join(base, 'stats/dinov2/wReg_base/imagenet1k/stat.pt'),
    said: { kind: 'rae' },
  });
});

it('takes another one by its path, with the colours of its encoder and without statistics that are not there', () => {
  writeFiles(base, original);
  expect(findRae(join(base, 'decoders/siglip2/base_p16_i256/ViTXL_n08/model.pt'))).toMatchObject({
    encoder: join(base, 'siglip2-base-patch16-256'),
    said: { kind: 'rae', image_mean: [0.5, 0.5, 0.5], image_std: [0.5, 0.5, 0.5] },
  });
  expect(findRae(join(base, 'decoders/mae/base_p16/ViTXL_n08/model.pt'))).toMatchObject({
    encoder: undefined,
    statistics: undefined,
  });
});

it("takes a folder of diffusers', which holds everything", () => {
  const config = '{\n  "_class_name": "AutoencoderRAE",\n  "latents_mean": [[[0.1]]]\n}';
  writeFiles(base, { 'config.json': config, 'diffusion_pytorch_model.safetensors': '' });
  const layout = findRelease(modelSchema.parse({ pretrained: base }), ['autoencoder', 'statistics']);
  expect(layout.statistics).toBeUndefined();
  expect(layout.autoencoder).toMatchObject({
    checkpoint: join(base, 'diffusion_pytorch_model.safetensors'),
    encoder: undefined,
    rae: { said: { kind: 'rae' } },
  });
});

it('needs no pre-trained folder where its own path is given', () => {
  vi.stubEnv('SVG_T2I_HOME', join(base, 'none'));
  writeFiles(base, {
    'rae/config.json': '{"_class_name": "AutoencoderRAE"}',
    'rae/diffusion_pytorch_model.safetensors': '',
  });
  const asked = modelSchema.parse({ autoencoder: join(base, 'rae') });
  expect(findRelease(asked, ['autoencoder']).autoencoder).toMatchObject({ rae: { said: { kind: 'rae' } } });
  expect(() => findRelease(asked, ['autoencoder', 'dit'])).toThrow('diffusion transformer (looked for');
  expect(() => findRelease(modelSchema.parse({}), ['autoencoder'])).toThrow('no pre-trained folder');
});

it('takes nothing of another model for one', () => {
  writeFiles(base, { ...releaseFiles(), 'other/config.json': '{"_class_name": "AutoencoderKL"}' });
  expect(findRae(base)).toBeUndefined();
  expect(findRae(join(base, 'other'))).toBeUndefined();
  expect(findRae(join(base, 'autoencoder/svg_autoencoder-P-stage1.ckpt'))).toBeUndefined();
  expect(findRae(join(base, 'nowhere'))).toBeUndefined();
});
