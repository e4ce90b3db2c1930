/** Text encoders of Gemma-2's shape with random weights and a vocabulary of words: what small models are trained on. */
import { join } from 'node:path';
import type { Engine } from '../engine.js';
import { makeFolder, writeDurably } from '../files.js';
import { floatsAsFloats } from '../python-json.js';
import { SPECIAL_IDS, wordTokenizer } from '../text/word-tokenizer.js';

export interface SmallTextEncoderOptions {
  /** Each gets a token of its own. */
  readonly words: Iterable<string>;
  readonly seed: number;
  readonly signal?: AbortSignal | undefined;
  /** Channels of a caption's features. */
  readonly width: number;
  /** The features are those before the last. */
  readonly layers: number;
}

export interface SmallTextEncoder {
  readonly vocabularySize: number;
  readonly parameters: number;
}

/**
 * Writes config.json, tokenizer.json, tokenizer_config.json and model.safetensors to `folder`. Random features tell
 * tokens apart, and little of a token's neighbours is in them: a transformer knows it again beside words that it never
 * saw beside it in training.
 *
 * @throws SvgT2IError ERR_SVGT2I_IO, ERR_SVGT2I_DISK_FULL
 */
export async function writeSmallTextEncoder(
  engine: Engine,
  folder: string,
  { words, seed, width, layers, signal }: SmallTextEncoderOptions,
): Promise<SmallTextEncoder> {
  const { json, config, vocabularySize } = wordTokenizer(words);
  const dimensions = gemmaConfig(vocabularySize, width, layers);
  await makeFolder(folder);
  const write = (name: string, content: object) =>
    writeDurably(join(folder, name), JSON.stringify(content, null, 1));
  await writeDurably(join(folder, 'config.json'), floatsAsFloats(dimensions, GEMMA_FLOATS));
  await write('tokenizer.json', json);
  await write('tokenizer_config.json', config);
  const path = join(folder, 'model.safetensors');
  const request = { model: 'gemma2', config: dimensions, path, seed, values: 'initial' } as const;
  const { value } = await engine.run('init-weights', request, { signal });
  return { vocabularySize, parameters: value.parameters };
}

/** What transformers' Gemma2Config declares as float: it refuses 30 where it wants 30.0. */
const GEMMA_FLOATS = ['attn_logit_softcapping', 'final_logit_softcapping', 'rope_theta'];

/** Layers are narrow: what they add to a token's own embedding lies in few directions. */
function gemmaConfig(vocabularySize: number, width: number, layers: number) {
  const headChannels = Math.max(8, width / 4);
  return {
    architectures: ['Gemma2ForCausalLM'],
    model_type: 'gemma2',
    vocab_size: vocabularySize,
    hidden_size: width,
    intermediate_size: width / 2,
    num_hidden_layers: layers,
    num_attention_heads: 2,
    num_key_value_heads: 1,
    head_dim: headChannels,
    max_position_embeddings: 1024,
    sliding_window: 256,
    query_pre_attn_scalar: headChannels,
    attn_logit_softcapping: 50,
    final_logit_softcapping: 30,
    rms_norm_eps: 1e-6,
    rope_theta: 10000,
    hidden_activation: 'gelu_pytorch_tanh',
    pad_token_id: SPECIAL_IDS.pad,
    eos_token_id: SPECIAL_IDS.eos,
    bos_token_id: SPECIAL_IDS.bos,
    torch_dtype: 'float32',
    tie_word_embeddings: true,
  };
}
