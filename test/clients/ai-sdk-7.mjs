// Version 7 of the Vercel AI SDK with both of its providers, against the server at argv[2]: prints what each call gave.
// It runs in a Node.js of its own, since it asks for a newer one than this package.
import { generateImage } from 'ai-7';
import { createOpenAI } from 'ai7-openai';
import { createOpenAICompatible } from 'ai7-openai-compatible';

const baseURL = `${process.argv[2]}/v1`;
const ofOpenai = (id) => createOpenAI({ baseURL, apiKey: 'none' }).image(id);
const ofCompatible = createOpenAICompatible({ baseURL, name: 'mine' }).imageModel('squares');
const prompt = 'a red fox';

const types = [];
for (const id of ['squares', 'gpt-image-1', 'dall-e-3']) {
  const { image } = await generateImage({ model: ofOpenai(id), prompt, size: '64x64' });
  types.push(image.mediaType);
}
const settings = { seed: 7, num_inference_steps: 3, output_format: 'webp' };
const { image } = await generateImage({ model: ofCompatible, prompt, providerOptions: { mine: settings } });
const { images } = await generateImage({ model: ofOpenai('squares'), prompt, n: 5 });
const failed = await generateImage({ model: ofOpenai('squares'), prompt, size: '65x64' }).then(
  () => undefined,
  (error) => error.message,
);
const different = new Set(images.map(({ base64 }) => base64)).size;
console.log(JSON.stringify({ types, compatible: image.mediaType, different, failed }));
