// The recipe of the embedded model in small: every command of it, from drawn scenes to judged pictures.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { jsonLines, run } from './cli.js';

const configs = fileURLToPath(new URL('../../configs/shapes/', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'svg-t2i-recipe-'));
const at = (...path: readonly string[]) => join(folder, ...path);
const list = at('data', 'shapes.jsonl');
const model = at('model');

const sets = (values: Readonly<Record<string, unknown>>) =>
  Object.entries(values).flatMap(([path, value]) => ['--set', `${path}=${JSON.stringify(value)}`]);

async function succeed(...args: readonly string[]) {
  const result = await run([...args]);
  expect([result.code, result.code === 0 ? '' : result.stderr]).toEqual([0, '']);
  return result;
}

const ditConfig = [
  ...['--config', join(configs, 'dit.yaml')],
  ...sets({
    steps: 3,
    'schedule.warmupSteps': 1,
    threads: 1,
    'batch.global': 8,
    'checkpoints.every': 3,
    'samples.every': 0,
    'model.dim': 96,
    'model.axes_dims': [16, 16, 16],
    'model.n_layers': 1,
    'model.n_refiner_layers': 1,
    'model.n_heads': 2,
    'model.n_kv_heads': 1,
    'frozen.pretrained': model,
    'data.sets': [{ path: list, systemPrompt: 'empty' }],
    'data.cache': at('cache'),
  }),
];

beforeAll(async () => {
  await succeed('dataset', 'shapes', '--out', at('data'), '--count', '24', '--size', '64');
  const small = {
    steps: 2,
    'schedule.warmupSteps': 1,
    threads: 1,
    'batch.global': 4,
    'checkpoints.every': 2,
    'samples.every': 0,
    'model.decoder': { ch: 32, ch_mult: [1, 1, 1, 1, 1], num_res_blocks: 0 },
    'data.sets': [{ path: list }],
  };
  const withSmall = (config: string, more: object = {}) => [
    ...['train', 'autoencoder', '--config', join(configs, config)],
    ...sets({ ...small, ...more }),
  ];
  await succeed(...withSmall('autoencoder.yaml'), '--run', at('shapes-encoder'));
  const initFrom = { path: at('shapes-encoder') };
  await succeed(...withSmall('decoder.yaml', { initFrom }), '--run', at('shapes'));
  await succeed('export', at('shapes'), '--out', model, '--dtype', 'bf16');
});
afterAll(() => rmSync(folder, { recursive: true }));

it('writes a text encoder that has a token for every word', async () => {
  const textEncoder = ['init', 'text-encoder', '--captions', list, '--out', join(model, 'gemma-2-2b')];
  const [told] = jsonLines(await succeed(...textEncoder, '--json'));
  expect(told).toMatchObject({ words: expect.any(Number), parameters: expect.any(Number) });
  expect(readdirSync(join(model, 'gemma-2-2b')).sort()).toEqual([
    'config.json',
    'model.safetensors',
    'tokenizer.json',
    'tokenizer_config.json',
  ]);
  // As transformers 4.57 and 5 read them: floats as floats, and a class that keeps the file's own normalizer.
  const read = (name: string) => readFileSync(join(model, 'gemma-2-2b', name), 'utf8');
  for (const line of [
    'attn_logit_softcapping": 50.0,',
    'final_logit_softcapping": 30.0,',
    'rope_theta": 10000.0,',
  ])
    expect(read('config.json')).toContain(`"${line}\n`);
  expect(JSON.parse(read('tokenizer_config.json'))).toMatchObject({
    tokenizer_class: 'PreTrainedTokenizerFast',
  });
  const refused = await run([...textEncoder, '--width', '100']);
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('a multiple of 32')]);
});

it('trains on cached features, exports and draws with the settings of the release', async () => {
  await succeed('stats', ...ditConfig, '--out', join(model, 'shapes_stats.pt'));
  await succeed('cache', ...ditConfig, '--out', at('cache'));
  await succeed('train', 'dit', ...ditConfig, '--run', at('dit-shapes'));
  await succeed('export', at('dit-shapes'), '--out', model, '--dtype', 'bf16', '--only-ema');
  const dit = join(model, 'dit-shapes');
  expect(readdirSync(dit).sort()).toEqual(['consolidated_ema.00-of-01.pth', 'model_args.json']);
  const { size } = statSync(join(dit, 'consolidated_ema.00-of-01.pth'));
  const exported = join(at('dit-shapes'), 'export', 'dit-shapes', 'consolidated_ema.00-of-01.pth');
  expect(size).toBeLessThan(0.6 * statSync(exported).size);

  writeFileSync(join(model, 'defaults.yaml'), 'width: 64\nheight: 64\nsteps: 3\nsystemPrompt: empty\n');
  const sampled = await succeed(
    'sample',
    'a red star',
    '--pretrained',
    model,
    '-o',
    at('star.png'),
    '--json',
  );
  const told = sampled.stdout.toString();
  for (const setting of ['"width":64', '"steps":3', '"systemPrompt":"empty"'])
    expect(told).toContain(setting);
  expect(existsSync(at('star.png'))).toBe(true);

  const judged = await succeed(
    ...['eval', 'shapes', '--pretrained', model, '--count', '1', '--json', '-o', at('judged')],
  );
  expect(jsonLines(judged)).toEqual([
    { overall: expect.any(Number), categories: expect.any(Object), prompts: 6 },
  ]);
});

it('judges reconstructions', async () => {
  const output = at('reconstructed');
  const flags = ['--pretrained', model, '--count', '1', '--json', '-o', output];
  const judged = await succeed('eval', 'shapes', '--reconstruct', ...flags);
  expect(jsonLines(judged)).toEqual([
    { overall: expect.any(Number), categories: expect.any(Object), prompts: 6 },
  ]);
  expect(readFileSync(join(output, 'failures.jsonl'), 'utf8')).toContain('"index"');
});
