/** The commands that write files, each with a folder of its own and the call that completes what was cut. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tinyReleaseFiles } from '../../dist/release/tiny-release.js';
import { run } from '../e2e/cli.js';
import { ditArgs, ditConfig, makeWorkshop, type Workshop } from '../e2e/training.js';
import { bytes } from '../unit/hub/fixtures.js';
import { type LoopbackHub, openHub } from '../unit/hub/loopback.js';
import { libtorchZip } from '../unit/install/fixtures.js';

export interface Scenario {
  readonly name: string;
  /** The command line, for its folder. */
  readonly args: (folder: string) => readonly string[];
  /** The one that goes on after a fault. */
  readonly again: (folder: string) => readonly string[];
  readonly env?: (folder: string) => Readonly<Record<string, string>>;
  /** Results that hold times, or names of processes: their texts are not compared. */
  readonly varies?: RegExp;
}

export interface Ground {
  readonly workshop: Workshop;
  readonly hub: LoopbackHub;
  readonly scenarios: readonly Scenario[];
}

const SETTINGS = ['--device', 'cpu', '--dtype', 'fp32', '--size', '48x32', '--steps', '2', '--seed', '3'];

export async function prepareGround(): Promise<Ground> {
  const workshop = await makeWorkshop();
  const { folder, pretrained } = workshop;
  const short = ['--set', 'steps=4', '--set', 'checkpoints.every=2', '--set', 'samples.every=2'];
  const trained = await run(ditArgs(workshop, 'trained', ...short));
  if (trained.code !== 0) throw new Error(trained.stderr);
  const prompts = join(folder, 'prompts.txt');
  writeFileSync(prompts, 'a fox\na hare\na stag\n');
  const archive = join(folder, 'libtorch.zip');
  writeFileSync(archive, libtorchZip('2.13.0', { 'lib/big.so': 'x'.repeat(300_000) }));

  const hub = await openHub([
    {
      id: 'acme/model',
      lfs: /\.bin$/,
      files: {
        'config.json': '{}\n',
        'a/model.bin': bytes(3 << 20),
        'a/copy.bin': bytes(3 << 20),
        'b.txt': 'b\n',
      },
    },
  ]);

  const same = (args: (out: string) => readonly string[]) => ({ args, again: args });
  const dit = (out: string) => [
    'train',
    'dit',
    ...ditConfig(workshop),
    ...short,
    '--run',
    out,
    '--resume',
    'auto',
  ];
  const sample = (out: string) => [
    ...['sample', '--prompts', prompts, '--pretrained', pretrained, ...SETTINGS],
    ...['-o', out, '--manifest', join(out, 'all.jsonl'), '--skip-existing'],
  ];
  const textEncoder = join(pretrained, tinyReleaseFiles.textEncoder);
  const weights = join(pretrained, 'dit-tiny/consolidated.00-of-01.pth');
  const scenarios: readonly Scenario[] = [
    { name: 'train', ...same(dit), varies: /^metrics\.jsonl$|^events\.out|^losses\.svg$/ },
    {
      name: 'cache',
      ...same((out) => ['cache', ...ditConfig(workshop), '--shard-size', '4', '--out', out]),
      varies: /^index\.json$/,
    },
    { name: 'convert', ...same((out) => ['convert', weights, out, '--max-shard-size', '200KB']) },
    {
      name: 'quantize',
      ...same((out) => ['convert', textEncoder, out, '--quantize', 'int8', '--max-shard-size', '40KB']),
    },
    { name: 'sample', ...same(sample), varies: /\.jsonl$/ },
    { name: 'export', ...same((out) => ['export', join(folder, 'trained'), '--out', out]) },
    {
      name: 'install',
      ...same(() => ['install', '--file', archive]),
      env: (out) => ({ SVG_T2I_HOME: out }),
    },
    {
      name: 'pull',
      ...same(() => ['pull', 'acme/model', '--connections', '2']),
      env: (out) => ({ HF_HOME: out, HF_HUB_CACHE: '', HF_ENDPOINT: hub.endpoint, HF_TOKEN: '' }),
    },
  ];
  return { workshop, hub, scenarios };
}

/** Losses without times, so that runs can be compared. */
export function lossesIn(folder: string): unknown {
  const lines = readFileSync(join(folder, 'metrics.jsonl'), 'utf8').trimEnd().split('\n');
  return lines.map((line) => {
    const { step, losses } = JSON.parse(line) as Record<string, unknown>;
    return { step, losses };
  });
}
