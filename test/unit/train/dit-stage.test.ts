/** A stage that cannot be opened leaves no thread behind. */
import { afterEach, expect, it, vi } from 'vitest';
import { dit, run, useTrainingFolder } from './fixtures.js';

const open = new Set<object>();

vi.mock('../../../lib/engine.js', async () => ({
  Engine: (await import('./engine.js')).Engine,
  runtimeInfo: () => ({ cudaDevices: 0 }),
}));
vi.mock('../../../lib/data/image-pool.js', () => ({
  ImagePool: class {
    constructor() {
      open.add(this);
    }
    async dispose() {
      open.delete(this);
    }
  },
}));
vi.mock('../../../lib/text/open-tokenizer.js', () => ({
  openTokenizer: async () => ({
    words: undefined,
    encode: () => Promise.reject(new Error('no memory')),
    dispose: async () => undefined,
  }),
}));

useTrainingFolder();
afterEach(() => open.clear());

it('closes its pictures where the tokenizer fails', async () => {
  await expect(run(dit())).rejects.toThrow('no memory');
  expect(open).toEqual(new Set());
});
