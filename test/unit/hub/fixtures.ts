/** Repositories of some kilobytes under the published names, and pull() on a hub of this machine. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import { pullWith } from '../../../lib/pull/pull.js';
import type { PullEvent, PullOptions, PullResult } from '../../../lib/pull/types.js';
import type { LoopbackHub, LoopbackRepo } from './loopback.js';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'svg-hub-'));
  folders.push(folder);
  return folder;
}

/** Bytes that no two pieces of are alike. */
export function bytes(length: number, seed = 1): Buffer {
  const content = Buffer.alloc(length);
  let state = seed >>> 0;
  for (let at = 0; at < length; at += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    content[at] = state >>> 24;
  }
  return content;
}

export const SVG_T2I: LoopbackRepo = {
  id: 'KlingTeam/SVG-T2I',
  lfs: /\.(pth|ckpt|pt)$/,
  refs: ['main', 'v1.0'],
  files: {
    'README.md': '# SVG-T2I\n',
    'pre-trained/autoencoder/svg_autoencoder-P-stage2.ckpt': bytes(900, 2),
    'pre-trained/autoencoder/svg_autoencoder-P-stage3.ckpt': bytes(1000, 3),
    'pre-trained/autoencoder/svg_autoencoder-R-stage3.ckpt': bytes(1100, 4),
    'pre-trained/autoencoder/svg_autoencoder_P_stage3_1024.yaml': 'model: {}\n',
    'pre-trained/autoencoder/svg_autoencoder_R_stage3_1024.yaml': 'model: {r: 1}\n',
    'pre-trained/dinov3_s16p_layer_patchtoken_stats_dist.pt': bytes(300, 5),
    'pre-trained/dit-stage3-T244M/consolidated.00-of-01.pth': bytes(2000, 6),
    'pre-trained/dit-stage4-T274M/consolidated.00-of-01.pth': bytes(2100, 7),
    'pre-trained/dit-stage4-T274M/optimizer.00000-of-00008.pth': bytes(4000, 8),
  },
};

export const GEMMA: LoopbackRepo = {
  id: 'google/gemma-2-2b',
  lfs: /\.(safetensors|model|gguf)$|^tokenizer\.json$/,
  gated: true,
  files: {
    '.gitattributes': '*.safetensors filter=lfs\n',
    'README.md': '# Gemma\n',
    'config.json': '{"model_type": "gemma2"}\n',
    'generation_config.json': '{"g": 1}\n',
    'gemma-2-2b.gguf': bytes(5000, 9),
    'model-00001-of-00002.safetensors': bytes(700, 10),
    'model-00002-of-00002.safetensors': bytes(701, 11),
    'model.safetensors.index.json': '{"weight_map": {}}\n',
    'special_tokens_map.json': '{"s": 1}\n',
    'tokenizer.json': '{"model": {}}\n',
    'tokenizer.model': bytes(400, 12),
    'tokenizer_config.json': '{"t": 1}\n',
  },
};

export const DINOV3: LoopbackRepo = {
  id: 'facebook/dinov3-vits16plus-pretrain-lvd1689m',
  lfs: /\.safetensors$/,
  gated: true,
  files: {
    'config.json': '{"model_type": "dinov3_vit"}\n',
    'model.safetensors': bytes(800, 13),
    'preprocessor_config.json': '{}\n',
  },
};

export const TOKEN = 'hf_reader';

/** The variables of a user with a home of their own, who may read all. */
export function userOf(
  hub: LoopbackHub,
  home: string,
  token: string | undefined = TOKEN,
): Record<string, string> {
  hub.validTokens.add(TOKEN);
  hub.accepted.add(TOKEN);
  return {
    HOME: home,
    HF_HOME: join(home, 'hf'),
    HF_ENDPOINT: hub.endpoint,
    ...(token === undefined ? {} : { HF_TOKEN: token }),
  };
}

export interface Pulled {
  readonly result: PullResult;
  readonly events: readonly PullEvent[];
}

export const FAST = { baseMs: 1, mostMs: 2 };

export async function pulled(
  env: Record<string, string>,
  options: PullOptions = {},
  internals: Parameters<typeof pullWith>[1] = {},
): Promise<Pulled> {
  const events: PullEvent[] = [];
  const onProgress = (event: PullEvent) => {
    events.push(event);
    options.onProgress?.(event);
  };
  const result = await pullWith({ ...options, onProgress }, { policy: FAST, ...internals, env });
  return { result, events };
}

export async function failure(work: Promise<unknown>) {
  const error = await work.then(
    () => new Error('it did not fail'),
    (thrown: unknown) => thrown as Error,
  );
  const { code, message, hint } = error as Error & { readonly code?: string; readonly hint?: string };
  return { code, message, hint: hint ?? '' };
}

export const read = (...path: string[]) => readFileSync(join(...path));
