/** A tokenizer that says nothing: no empty caption is drawn or trained on in its place. */
import { expect, it } from 'vitest';
import type { PictureLoader } from '../../lib/features/pictures.js';
import { CaptionEncoder } from '../../lib/pipeline/captions.js';
import type { OpenTokenizer } from '../../lib/text/open-tokenizer.js';
import { liveSamples } from '../../lib/train/dit-samples.js';

const silent: OpenTokenizer = {
  words: undefined,
  encode: async () => [],
  decode: async () => '',
  dispose: async () => undefined,
};
const fault = {
  code: 'ERR_SVGT2I_INTERNAL',
  message: 'the tokenizer did not answer with the tokens of a text',
};

it('neither draws', async () => {
  const captions = new CaptionEncoder(silent, { negativePrompt: '', systemPrompt: 'empty' });
  await expect(captions.encode(['a fox'])).rejects.toMatchObject(fault);
});

it('nor trains', async () => {
  await expect(liveSamples({} as PictureLoader, silent, 16)).rejects.toMatchObject(fault);
});
