/** Clients against the model of the package itself, once: pixels, parameters and partial images are real. */
import OpenAI from 'openai';
import { expect, it } from 'vitest';
import { readParameters } from '../../lib/image/parameters.js';
import { serve } from '../../lib/index.js';
import { ALL_CLIENTS } from './fetched.js';
import { formatOf } from './pictures.js';

const note = ALL_CLIENTS ? '' : ' (not run: npm run test:clients draws with the embedded model)';
if (!ALL_CLIENTS) console.log(`not run: the embedded model (npm run test:clients draws with it)`);

it.skipIf(!ALL_CLIENTS)(`draws real pictures, one after the other and as a stream${note}`, async () => {
  const server = await serve({ port: 0, log: 'off' });
  try {
    await server.ready;
    const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none' });
    const prompt = 'a red circle left of a blue square';
    const fields = { prompt, seed: 7, steps: 8 } as { readonly prompt: string };
    const { data } = await client.images.generate(fields);
    const bytes = Buffer.from(data?.[0]?.b64_json ?? '', 'base64');
    expect(await readParameters(bytes)).toMatchObject({ prompt, seed: 7, steps: 8 });

    const types: string[] = [];
    let last = '';
    for await (const event of await client.images.generate({ ...fields, stream: true, partial_images: 2 })) {
      types.push(event.type);
      last = event.b64_json;
    }
    expect(types).toEqual([
      'image_generation.partial_image',
      'image_generation.partial_image',
      'image_generation.completed',
    ]);
    expect(formatOf(last)).toBe('png');
    // The same request is the same picture, alone or as a stream.
    expect(Buffer.from(last, 'base64').equals(bytes)).toBe(true);
  } finally {
    await server.close();
  }
});
