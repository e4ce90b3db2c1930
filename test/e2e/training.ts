/** A small release, pictures and configurations to train with. */
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { encodeImage } from '../../dist/image/encode.js';
import { writeTinyRelease } from '../../dist/release/tiny-release.js';

const configs = fileURLToPath(new URL('../../configs/test/', import.meta.url));

export interface Workshop {
  readonly folder: string;
  /** List of 12 pictures of 48 to 70 pixels. */
  readonly list: string;
  readonly pretrained: string;
}

export async function makeWorkshop(): Promise<Workshop> {
  const folder = mkdtempSync(join(tmpdir(), 'svg-train-'));
  const pretrained = join(folder, 'pre-trained');
  await writeTinyRelease(pretrained, 1);
  mkdirSync(join(folder, 'pictures'));
  const lines: string[] = [];
  for (let i = 0; i < 12; i++) {
    const [width, height] = [48 + 2 * i, 70 - i];
    const data = Uint8Array.from({ length: width * height * 3 }, (_, k) => (k * (i + 2) + (k >> 6)) % 256);
    writeFileSync(
      join(folder, `pictures/${i}.png`),
      await encodeImage({ width, height, data }, { format: 'png' }),
    );
    lines.push(JSON.stringify({ path: `${i}.png`, prompt: `picture number ${i}` }));
  }
  const list = join(folder, 'pictures/list.jsonl');
  writeFileSync(list, lines.join('\n'));
  return { folder, list, pretrained };
}

/** Arguments of `svg-t2i train dit`, one thread and one run folder. */
export function ditArgs(workshop: Workshop, run: string, ...more: readonly string[]): readonly string[] {
  return ['train', 'dit', ...ditConfig(workshop), '--run', join(workshop.folder, run), ...more];
}

/** The test configuration with the workshop's pictures and weights. */
export function ditConfig({ list, pretrained }: Workshop): readonly string[] {
  const values = {
    'data.sets': [{ path: list, systemPrompt: 'empty' }],
    'frozen.pretrained': pretrained,
    threads: 1,
  };
  return withValues('tiny-dit.yaml', values);
}

/** As ditArgs, for the autoencoder. */
export function autoencoderArgs(
  { folder, list }: Workshop,
  run: string,
  ...more: readonly string[]
): readonly string[] {
  const config = withValues('tiny-autoencoder.yaml', { 'data.sets': [{ path: list }], threads: 1 });
  return ['train', 'autoencoder', ...config, '--run', join(folder, run), ...more];
}

function withValues(config: string, values: Readonly<Record<string, unknown>>): readonly string[] {
  const sets = Object.entries(values).flatMap(([key, value]) => ['--set', `${key}=${JSON.stringify(value)}`]);
  return ['--config', configs + config, ...sets];
}

export function readText(workshop: Workshop, ...path: readonly string[]): string {
  return readFileSync(join(workshop.folder, ...path), 'utf8');
}

/** Training state of a step, as bytes. */
export function stateOf(workshop: Workshop, run: string, step: number): Buffer {
  const name = `step-${String(step).padStart(8, '0')}`;
  return readFileSync(join(workshop.folder, run, 'checkpoints', name, 'rank-00000-of-00001.safetensors'));
}

type Losses = Readonly<Record<string, number>>;

/** Step and losses of every line of metrics.jsonl. */
export function lossesOf(workshop: Workshop, run: string): readonly (readonly [number, Losses])[] {
  const lines = readText(workshop, run, 'metrics.jsonl').trimEnd().split('\n');
  return lines.map((line) => {
    const { step, losses } = JSON.parse(line) as { step: number; losses: Losses };
    return [step, losses] as const;
  });
}
