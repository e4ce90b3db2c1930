/** Loading a release: what fails or is aborted does not wait for the tokenizer. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import type { TokenizerUse } from '../../../lib/text/tokenizer-thread.js';
import { releaseFiles, writeFiles } from '../release.js';

const state: { load: (signal?: AbortSignal) => Promise<never>; uses: TokenizerUse[] } = {
  load: () => Promise.reject(new Error('unset')),
  uses: [],
};

vi.mock('../../../lib/engine.js', async () => {
  const { MockEngine } = await import('../mock-engine.js');
  class Engine extends MockEngine {
    static create = async () => new Engine({ load: (_, { signal }) => state.load(signal) });
  }
  return { Engine };
});
vi.mock('../../../lib/text/open-tokenizer.js', () => ({
  // Reads for as long as it is let.
  openTokenizer: (_: string, use: TokenizerUse = {}) => {
    state.uses.push(use);
    return new Promise((_resolve, reject) => {
      use.signal?.addEventListener('abort', () => reject(use.signal?.reason));
    });
  },
}));

const { loadRelease } = await import('../../../lib/release/load.js');

let pretrained: string;
beforeAll(() => {
  pretrained = mkdtempSync(join(tmpdir(), 'svg-load-'));
  writeFiles(pretrained, {
    ...releaseFiles(),
    'dit-stage4-T274M/model_args.json': JSON.stringify({ dim: 48, n_layers: 1, n_heads: 4 }),
  });
});
afterAll(() => rmSync(pretrained, { recursive: true }));
beforeEach(() => {
  state.uses.length = 0;
});

it('fails with the first reason, and ends the reading', async () => {
  const reason = new Error('no such tensor');
  state.load = () => Promise.reject(reason);
  await expect(loadRelease({ pretrained })).rejects.toBe(reason);
  expect(state.uses).toMatchObject([{ owner: 'The pipeline', signal: { aborted: true } }]);
});

it('is aborted with the reason of the signal', async () => {
  const controller = new AbortController();
  const reason = new Error('enough');
  state.load = (signal) =>
    new Promise((_, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason));
      controller.abort(reason);
    });
  await expect(loadRelease({ pretrained, signal: controller.signal })).rejects.toBe(reason);
});
