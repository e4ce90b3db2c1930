/** A pipeline that draws one grey pixel cell a picture, and remembers what it was asked. */
import type { AiPipeline } from '../../../lib/ai/in-process.js';
import { GeneratedImage } from '../../../lib/pipeline/generated-image.js';
import type { ImageMetadata } from '../../../lib/pipeline/image-metadata.js';
import type { GenerateEvent, GenerateRequest } from '../../../lib/pipeline/types.js';

export class FakePipeline implements AiPipeline {
  readonly requests: GenerateRequest[] = [];
  readonly defaults = { width: 1024, height: 1024 };
  readonly models = {
    device: 'cpu',
    dtype: 'fp32',
    dit: {
      channels: 4,
      condition: 'text' as const,
      parameters: 1,
      patchSize: 1,
      maxLatentRows: 512,
      maxLatentColumns: 512,
    },
    autoencoder: {
      kind: 'P' as const,
      channels: 4,
      cellPixels: 16,
      encoder: null,
      decoder: 'conv',
      canEncode: false,
      ownEncoder: false,
    },
  };

  async *stream(request: GenerateRequest): AsyncGenerator<GenerateEvent, void> {
    this.requests.push(request);
    yield { type: 'warning', message: 'this is no model' };
    for (let index = 0; index < (request.count ?? 1); index++) {
      request.signal?.throwIfAborted();
      yield { type: 'step', index, step: 1, steps: 1, t: 1 };
      const seed = index + (typeof request.seed === 'number' ? request.seed : 1000);
      yield { type: 'image', index, image: greyImage(index, seed) };
    }
    const timings = {
      encode: 0,
      sample: 0,
      model: 0,
      decode: 0,
      evaluations: 0,
      unconditionalEvaluations: 0,
      reusedEvaluations: 0,
    };
    yield { type: 'done', images: request.count ?? 1, timings };
  }
}

export function greyImage(index: number, seed: number): GeneratedImage {
  const [width, height] = [2, 1];
  return new GeneratedImage({
    index,
    seed,
    prompt: 'grey',
    pixels: { width, height, data: new Uint8Array(width * height * 3).fill(128) },
    metadata: { prompt: 'grey', seed } as ImageMetadata,
  });
}
