import { describe, expect, it } from 'vitest';
import { SvgT2IError } from '../../../lib/errors.js';
import { type EncoderPrecision, settleEncoderPrecision } from '../../../lib/features/encoder-precision.js';
import type { Loaded } from '../../../lib/release/load.js';
import { type Call, callsOfKind, MockEngine } from '../mock-engine.js';

const image = { width: 16, height: 16, data: new Uint8Array(16 * 16 * 3) };

/** An encoder of two cells and three channels whose features in bf16 are turned by `angle`. */
async function settle(
  wanted: EncoderPrecision,
  options: {
    readonly loadedIn?: 'fp32' | 'bf16';
    readonly angle?: number;
    readonly read?: (index: number) => Promise<typeof image>;
  },
) {
  const { loadedIn = 'bf16', angle = 0, read = async () => image } = options;
  const calls: Call[] = [];
  let dtype: string = loadedIn;
  const engine = new MockEngine(
    {
      load: (request) => {
        dtype = request.dtype;
        return {};
      },
      encode: (_, { tensors = {} }) => {
        const turn = dtype === 'bf16' ? angle : 0;
        const data = Float32Array.from([Math.cos(turn), 1, Math.sin(turn), 0, 0, 0]);
        const latent = { dtype: 'float32', shape: [3, 1, 2], data } as const;
        return { tensors: Object.fromEntries(Object.keys(tensors).map((_, i) => [`latent.${i}`, latent])) };
      },
    },
    (kind, request, { tensors = {} }) => calls.push({ kind, request, tensors } as Call),
  );
  const loaded = {
    engine,
    layout: { autoencoder: { checkpoint: 'ae.ckpt', encoder: 'dino.pth' } },
    models: { dtype: loadedIn },
  } as unknown as Pick<Loaded, 'engine' | 'layout' | 'models'>;
  const told = await settleEncoderPrecision(loaded, wanted, read, { items: 10 });
  return { told, dtype, loads: callsOfKind(calls, 'load'), encodes: callsOfKind(calls, 'encode') };
}

describe('the precision of the frozen encoder', () => {
  it('is half of it where features of the first pictures stay what they are', async () => {
    const { told, dtype, encodes } = await settle('auto', { angle: 0.01 });
    expect(dtype).toBe('bf16');
    expect(told).toMatch(/^encoder in bf16: .*cosine 0\.99997\d on 4 pictures/);
    expect(Object.keys(encodes[0]?.tensors ?? {})).toHaveLength(4);
  });

  it('is fp32 where they do not', async () => {
    const { told, dtype } = await settle('auto', { angle: 0.05 });
    expect(dtype).toBe('fp32');
    expect(told).toMatch(/^encoder in fp32: .*cosine 0\.9993\d, 0.9999 is wanted/);
  });

  it('is that of the configuration, which nothing is measured for', async () => {
    expect(await settle('bf16', { loadedIn: 'fp32', angle: 1 })).toMatchObject({
      dtype: 'bf16',
      encodes: [],
    });
    expect(await settle('fp32', { loadedIn: 'bf16' })).toMatchObject({ dtype: 'fp32', encodes: [] });
    expect(await settle('fp32', { loadedIn: 'fp32' })).toMatchObject({ loads: [], told: undefined });
    expect(await settle('auto', { loadedIn: 'fp32' })).toMatchObject({ loads: [], told: undefined });
  });

  it('leaves out pictures that cannot be read, and is fp32 where none can', async () => {
    const broken = new SvgT2IError('ERR_SVGT2I_IMAGE', 'broken');
    const some = await settle('auto', {
      read: async (index) => (index % 2 === 0 ? image : Promise.reject(broken)),
    });
    expect(some.told).toContain('on 4 pictures');
    const none = await settle('auto', { read: () => Promise.reject(broken) });
    expect(none).toMatchObject({ dtype: 'fp32', told: expect.stringContaining('no picture could be read') });
  });
});
