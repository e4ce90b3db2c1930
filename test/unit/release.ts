/** Empty files in the layout of the published release, for tests that read names alone. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The yaml of the original, cut to what matters. */
export function autoencoderYaml(options: {
  checkpoint: string;
  channels?: number;
  residual?: boolean;
}): string {
  const { checkpoint, channels = 384, residual = false } = options;
  const extra = residual
    ? '{output_dim: 8, mask_ratio: 0.0, use_outnorm: true, vit_type: vit-rope-s}'
    : 'null';
  return `
training: {logdir: logs}
model:
  target: ldm.models.dinov3_decoder_native_resolution.DinoDecoder
  params:
    ckpt_path: ${checkpoint}
    embed_dim: 32
    ddconfig: {double_z: true, z_channels: ${channels}, resolution: 256, in_channels: 3, out_ch: 3, ch: 128,
      ch_mult: [1, 1, 2, 2, 4], num_res_blocks: 2, attn_resolutions: [], dropout: 0.0}
    dinoconfig:
      dinov3_location: dinov3
      model_name: dinov3_vits16plus
      weights: pre-trained/dinov3_vits16plus_pretrain_lvd1689m-4057cbaa.pth
    extra_vit_config: ${extra}
`;
}

const stages = ['stage1_256', 'stage2_512', 'stage3_1024'];

/** Relative path -> content of a whole release. */
export function releaseFiles(): Record<string, string> {
  const files: Record<string, string> = {
    'dinov3_s16p_layer_patchtoken_stats_dist.pt': '',
    'dinov3_vits16plus_pretrain_lvd1689m-4057cbaa.pth': '',
    'dit-stage4-T274M/consolidated.00-of-01.pth': '',
    'dit-stage1-T140M/consolidated.00-of-01.pth': '',
    'gemma-2-2b/config.json': '{}',
    'gemma-2-2b/tokenizer.json': '{}',
    'gemma-2-2b/model.safetensors': '',
  };
  for (const kind of ['P', 'R']) {
    for (const stage of stages) {
      const checkpoint = `autoencoder/svg_autoencoder-${kind}-${stage.split('_')[0]}.ckpt`;
      files[checkpoint] = '';
      files[`autoencoder/svg_autoencoder_${kind}_${stage}.yaml`] = autoencoderYaml({
        checkpoint: `pre-trained/${checkpoint}`,
      });
    }
  }
  return files;
}

export function writeFiles(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  }
}
