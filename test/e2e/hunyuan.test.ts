// The HunyuanImage decoder as a user meets it: trained, exported with its yaml, told by inspect, reconstructed with.
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { run } from './cli.js';
import { makeWorkshop, type Workshop } from './training.js';

let workshop: Workshop;
beforeAll(async () => {
  workshop = await makeWorkshop();
});
afterAll(() => rmSync(workshop.folder, { recursive: true }));

const at = (...path: readonly string[]) => join(workshop.folder, ...path);

/** Stdout of a command that must succeed. */
async function succeed(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run(args);
  if (code !== 0) throw new Error(`svg-t2i ${args.join(' ')}: ${stderr}`);
  return stdout.toString();
}

/** Arguments of two steps, the encoder trained along. */
function trainArgs(name: string, decoder: object, residual: object | null): readonly string[] {
  const config = {
    stage: 'autoencoder',
    steps: 2,
    threads: 1,
    batch: { global: 2, micro: 1 },
    model: {
      encoder: { embed_dim: 32, depth: 1, num_heads: 1, ffn_layer: 'mlp' },
      decoder: { kind: 'hunyuan', num_res_blocks: 0, ...decoder },
      residual,
    },
    encoder: { train: true },
    loss: { discStart: 8 },
    data: { sets: [{ path: workshop.list }], resolution: 32, aspect: 'square', workers: 1 },
    samples: { every: 2, count: 1 },
  };
  writeFileSync(at(`${name}.yaml`), stringify(config));
  return ['train', 'autoencoder', '--config', at(`${name}.yaml`), '--run', at(name)];
}

const widths = [64, 32, 32, 32, 32];
const residual = { output_dim: 8, embed_dim: 64, depth: 1, num_heads: 1, img_size: 64 };

describe.each([
  ['p', 'Autoencoder-P', { block_out_channels: widths }, null, 32],
  ['r', 'Autoencoder-R', { block_out_channels: widths, upsample_match_channel: false }, residual, 40],
] as const)('%s', (name, title, decoder, branch, channels) => {
  const written = (ending: string) => {
    const folder = at(name, 'export', 'autoencoder');
    return join(folder, readdirSync(folder).find((file) => file.endsWith(ending)) ?? '');
  };

  beforeAll(async () => {
    await succeed(...trainArgs(name, decoder, branch));
  });

  it(`is ${title}, whose export has the original's hyconfig`, () => {
    const { params } = (parse(readFileSync(written('.yaml'), 'utf8')) as { model: { params: object } }).model;
    expect(params).toMatchObject({
      ddconfig: null,
      hyconfig: {
        ...decoder,
        z_channels: channels,
        out_channels: 3,
        num_res_blocks: 0,
        ffactor_spatial: 16,
        ffactor_temporal: 1,
      },
    });
  });

  it('is told by inspect and verify', async () => {
    const told = JSON.parse(await succeed('inspect', written('.ckpt'), '--json')) as object;
    expect(told).toMatchObject({
      kind: 'autoencoder',
      description: expect.stringContaining(`HunyuanImage decoder, ${channels} channels`),
    });
    await succeed('verify', written('.ckpt'));
  });

  it('reconstructs a picture that is no square, from the yaml and from the checkpoint alone', async () => {
    const args = ['--pretrained', at(name, 'export'), '--device', 'cpu', '--dtype', 'fp32'];
    for (const [number, file] of [written('.yaml'), written('.ckpt')].entries()) {
      const out = at(`${name}${number}.png`);
      await succeed('reconstruct', at('pictures', '2.png'), '--autoencoder', file, ...args, '-o', out);
    }
    expect(readFileSync(at(`${name}0.png`)).equals(readFileSync(at(`${name}1.png`)))).toBe(true);
  });
});

it('refuses widths of which no network can be built, before anything starts', async () => {
  const { code, stderr } = await run(
    trainArgs('refused', { block_out_channels: [96, 64, 32, 32, 32] }, null),
  );
  expect([code, stderr]).toEqual([
    expect.any(Number),
    expect.stringContaining('96 channels before a doubling'),
  ]);
  expect(code).not.toBe(0);
});
