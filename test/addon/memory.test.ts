/** What loading and disposing cost in memory. */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Engine } from '../../dist/engine.js';
import { convertWeights, SvgT2I } from '../../dist/index.js';
import type { LoadRequest } from '../../dist/native/jobs.js';
import { writeTinyRelease } from '../../dist/release/tiny-release.js';

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'svg-memory-'));
  await writeTinyRelease(join(folder, 'release'), 1);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const memory = async (engine: Engine, resetPeak = false) => (await engine.run('memory', { resetPeak })).value;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Bytes of the process without those of V8's heap, which grows as the version of Node.js sees fit. */
async function bytesBesideHeap(engine: Engine): Promise<number> {
  collectGarbage();
  const { residentBytes } = await memory(engine);
  return residentBytes - process.memoryUsage().heapTotal;
}

describe('memory', () => {
  it('does not grow over 100 times load, draw and dispose', async () => {
    await using watcher = await Engine.create({ device: 'cpu', threads: 1 });
    const sizes: number[] = [];
    const heaps: number[] = [];
    for (let i = 0; i < 100; i++) {
      await using pipeline = await SvgT2I.load({
        pretrained: join(folder, 'release'),
        device: 'cpu',
        dtype: 'fp32',
        threads: 1,
      });
      await pipeline.generate({ prompt: 'a circle', width: 32, height: 32, steps: 2 });
      sizes.push(await bytesBesideHeap(watcher));
      heaps.push(process.memoryUsage().heapUsed);
    }
    // The first rounds fill the allocator's pools; the weights of one release alone are 4 MB.
    for (const bytes of [sizes, heaps]) {
      const growth = (bytes.at(-1) ?? 0) - (bytes[29] ?? 0);
      expect(growth / 1e6).toBeLessThan(20);
    }
  });

  describe('of loading', () => {
    const config = {
      in_channels: 64,
      dim: 1024,
      n_layers: 4,
      n_refiner_layers: 1,
      n_heads: 16,
      n_kv_heads: 16,
      cap_feat_dim: 64,
      axes_dims: [16, 24, 24],
    };
    let path: string;
    let int8: string;
    beforeAll(async () => {
      path = join(folder, 'dit/consolidated.00-of-01.safetensors');
      int8 = join(folder, 'dit-int8/model.safetensors');
      {
        await using writer = await Engine.create({ device: 'cpu' });
        await writer.run('init-weights', { model: 'next_dit', config, path, seed: 0, values: 'random' });
      }
      await convertWeights(path, int8, { quantize: 'int8' });
    }, 120_000);

    /** Peak of a load, in sizes of the file. */
    async function peak(file: string, dtype: LoadRequest['dtype']): Promise<number> {
      await using engine = await Engine.create({ device: 'cpu', threads: 1 });
      const before = await memory(engine, true);
      await engine.run('load', { dtype, offload: false, dit: { path: file, config } });
      const grown = (await memory(engine)).peakResidentBytes - before.residentBytes;
      return grown / statSync(file).size;
    }

    it.each(['fp32', 'bf16'] as const)(
      'peaks below 1.2 times the file in %s',
      async (dtype) => expect(await peak(path, dtype)).toBeLessThan(1.2),
      60_000,
    );

    it('to int8 peaks at what it keeps, a quarter of the file, and the matrix in work', async () => {
      expect(await peak(path, 'int8')).toBeLessThan(0.4);
    }, 60_000);

    it.each(['auto', 'int8'] as const)(
      'peaks below 1.2 times a file of int8 in %s',
      async (dtype) => expect(await peak(int8, dtype)).toBeLessThan(1.2),
      60_000,
    );
  });
});
