/** The AI SDK itself with the model of the package: generateImage of ai 6, and of ai 7 where Node.js is new enough for it. */
import { generateImage, NoImageGeneratedError } from 'ai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { svgT2I } from '../../dist/ai.js';
import { EMBEDDED_MODEL, readParameters, SvgT2I } from '../../dist/index.js';

/** What ai 7 asks for. */
const NODE_OF_AI_7 = 22;
const node = Number(process.versions.node.split('.')[0]);

let pipeline: SvgT2I;
beforeAll(async () => {
  pipeline = await SvgT2I.load({ pretrained: EMBEDDED_MODEL, device: 'cpu', dtype: 'fp32', threads: 1 });
});
afterAll(async () => await pipeline.dispose());

const options = { svgT2I: { steps: 2, solver: 'euler' } };

describe('generateImage of ai 6', () => {
  it('draws the very pictures of the pipeline', async () => {
    const { images, warnings, providerMetadata, responses } = await generateImage({
      model: svgT2I({ pipeline }).image('shapes'),
      prompt: 'a red circle',
      n: 2,
      seed: 3,
      size: '64x64',
      providerOptions: options,
    });
    const own = await pipeline.generate({
      prompt: 'a red circle',
      count: 2,
      seed: 3,
      steps: 2,
      solver: 'euler',
    });
    expect(images).toHaveLength(2);
    for (const [i, image] of images.entries()) {
      expect(image.mediaType).toBe('image/png');
      expect(await readParameters(image.uint8Array)).toEqual({ ...own.images[i]?.metadata });
      expect(Buffer.from(image.uint8Array).equals(Buffer.from((await own.images[i]?.png()) ?? []))).toBe(
        true,
      );
    }
    expect(warnings).toEqual([]);
    expect(providerMetadata.svgT2I?.images).toMatchObject([{ seed: 3 }, { seed: 4 }]);
    expect(responses).toMatchObject([{ modelId: 'shapes' }]);
  });

  it('draws others in each call without a seed', async () => {
    const draw = () =>
      generateImage({
        model: svgT2I({ pipeline }).image(),
        prompt: 'a red circle',
        providerOptions: options,
      });
    const [a, b] = await Promise.all([draw(), draw()]);
    expect(a.image.base64).not.toBe(b.image.base64);
  });

  it('is cancelled within a step', async () => {
    const controller = new AbortController();
    const asked = generateImage({
      model: svgT2I({ pipeline }).image(),
      prompt: 'a red circle',
      abortSignal: controller.signal,
      providerOptions: { svgT2I: { steps: 1000, solver: 'euler' } },
    });
    setTimeout(() => controller.abort(), 50);
    await expect(asked).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('tells mistakes as ours, and tries none of them again', async () => {
    const asked = generateImage({
      model: svgT2I({ pipeline }).image(),
      prompt: 'a red circle',
      providerOptions: { svgT2I: { stepz: 3 } },
    });
    await expect(asked).rejects.toMatchObject({ code: 'ERR_SVGT2I_INVALID_ARGUMENT' });
    await expect(asked).rejects.not.toBeInstanceOf(NoImageGeneratedError);
  });
});

describe('generateImage of ai 7', () => {
  const runs = node >= NODE_OF_AI_7;
  if (!runs) console.log(`skipped: ai 7 wants Node.js ${NODE_OF_AI_7}, this is ${process.versions.node}`);

  it.runIf(runs).each(['v3', 'v4'] as const)(
    'reads a model of specification %s',
    async (specificationVersion) => {
      const seven = await import('ai-7');
      const model = svgT2I({ pipeline, specificationVersion }).image();
      const { images } = await seven.generateImage({
        model,
        prompt: 'a star',
        n: 2,
        seed: 1,
        providerOptions: options,
      });
      expect(await readParameters(images[1]?.uint8Array ?? new Uint8Array())).toMatchObject({
        seed: 2,
        steps: 2,
      });
    },
  );
});
