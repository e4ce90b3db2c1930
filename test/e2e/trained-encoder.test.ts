// An encoder that was trained along with its decoder: what is made with the export is made with it, although the file it
// began with lies beside.
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { Engine } from '../../dist/engine.js';
import { run } from './cli.js';
import { ditConfig, makeWorkshop, type Workshop } from './training.js';

let workshop: Workshop;
const at = (...path: readonly string[]) => join(workshop.folder, ...path);
const encoder = { kind: 'dinov2', embed_dim: 64, depth: 1, num_heads: 1, image_size: 42 };
const file = 'dinov2_tiny_pretrain.pth';
let exported: Record<'trained' | 'frozen', string>;

async function succeed(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run([...args]);
  if (code !== 0) throw new Error(`svg-t2i ${args.join(' ')}: ${stderr}`);
  return stdout.toString();
}

/** The yaml of an exported run of two steps. */
async function trained(name: string, train: boolean): Promise<string> {
  const config = {
    stage: 'autoencoder',
    ...{ steps: 2, threads: 1, batch: { global: 4 } },
    model: { encoder, decoder: { ch: 32, ch_mult: [1, 1, 1, 1, 1], num_res_blocks: 0 } },
    encoder: { weights: join(workshop.pretrained, file), train },
    optimizer: { lr: 1e-2 },
    data: { sets: [{ path: workshop.list }], resolution: 64, workers: 1 },
    samples: { every: 0 },
  };
  writeFileSync(at(`${name}.yaml`), stringify(config));
  await succeed('train', 'autoencoder', '--config', at(`${name}.yaml`), '--run', at(name));
  const folder = at(name, 'export', 'autoencoder');
  return join(folder, readdirSync(folder).find((entry) => entry.endsWith('.yaml')) ?? '');
}

beforeAll(async () => {
  workshop = await makeWorkshop();
  const path = join(workshop.pretrained, file);
  await using engine = await Engine.create({ device: 'cpu' });
  await engine.run('init-weights', { model: 'dinov2', config: encoder, path, seed: 7, values: 'random' });
  exported = { trained: await trained('trained', true), frozen: await trained('frozen', false) };
});
afterAll(() => rmSync(workshop.folder, { recursive: true }));

it('is the one that pictures are reconstructed with, whatever lies beside', async () => {
  // The same export alone, and where neither the yaml's file nor one of that pattern can be found.
  mkdirSync(at('alone'));
  cpSync(at('trained', 'export', 'autoencoder'), at('alone', 'autoencoder'), { recursive: true });
  const picture = at('pictures', '0.png');
  const beside = ['--pretrained', workshop.pretrained, '--autoencoder', exported.trained];
  await succeed('reconstruct', picture, '--pretrained', at('alone'), '-o', at('alone.png'));
  await succeed('reconstruct', picture, ...beside, '-o', at('beside.png'));
  expect(readFileSync(at('beside.png')).equals(readFileSync(at('alone.png')))).toBe(true);
});

it('names its kind in the yaml, without a name of its own', () => {
  expect(readFileSync(exported.trained, 'utf8')).toMatch(
    /dinoconfig:\n\s+model_name: custom\n\s+kind: dinov2\n/,
  );
});

it('makes a cache that is not taken for one of the file, nor the other way round', async () => {
  const ofAutoencoder = (which: 'trained' | 'frozen') =>
    ['--set', `frozen.autoencoder=${JSON.stringify(exported[which])}`] as const;
  const config = ditConfig(workshop);
  const weights: Record<string, object> = {};
  for (const which of ['trained', 'frozen'] as const) {
    await succeed('cache', ...config, ...ofAutoencoder(which), '--out', at(`cache-${which}`));
    weights[which] = (
      JSON.parse(readFileSync(at(`cache-${which}`, 'index.json'), 'utf8')) as { weights: object }
    ).weights;
  }
  expect(weights).toMatchObject({
    trained: { autoencoder: expect.stringMatching(/^[0-9a-f]{64}$/) },
    frozen: { encoder: expect.stringMatching(/^[0-9a-f]{64}$/) },
  });
  expect([weights.trained, weights.frozen]).not.toMatchObject([{ encoder: expect.anything() }, {}]);
  const train = (which: 'trained' | 'frozen', cache: string, every: number) => {
    const values = [`data.cache=${JSON.stringify(at(cache))}`, 'steps=1', `samples.every=${every}`];
    const sets = values.flatMap((value) => ['--set', value]);
    return run([
      'train',
      'dit',
      ...config,
      ...ofAutoencoder(which),
      ...sets,
      '--run',
      at(`${which}-${cache}-${every}`),
    ]);
  };
  // With samples the encoder is loaded, without it is only asked for.
  for (const every of [0, 1]) {
    const { code, stderr } = await train('trained', 'cache-trained', every);
    expect([code, stderr]).toEqual([0, expect.stringContaining('step 1/1')]);
    const other = await train('trained', 'cache-frozen', every);
    expect(other.stderr).toContain('was made with another autoencoder');
    const old = await train('frozen', 'cache-trained', every);
    expect(old.stderr).toContain('was made with another encoder');
  }
});
