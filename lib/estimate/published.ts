/** Published models as the engine counts them without a file. */
import { PUBLISHED_MODELS } from '../config/estimate.js';
import { SvgT2IError } from '../errors.js';
import { DECODERS } from '../facts.js';
import type { CountedParts } from '../native/estimate-jobs.js';
import { DIT_KINDS, type DitKind } from '../release/dit-kind.js';

/** The text encoder that SVG-T2I reads prompts with. Source: arXiv 2408.00118, table 1, and its config.json. */
const GEMMA_2_2B = {
  model_type: 'gemma2',
  vocab_size: 256_000,
  hidden_size: 2304,
  intermediate_size: 9216,
  num_hidden_layers: 26,
  num_attention_heads: 8,
  num_key_value_heads: 4,
  head_dim: 256,
  sliding_window: 4096,
  query_pre_attn_scalar: 256,
  attn_logit_softcapping: 50,
  final_logit_softcapping: 30,
  rms_norm_eps: 1e-6,
  rope_theta: 10_000,
};

/** A published transformer, the decoder that was published with it, and the text encoder of one that reads text. */
export function publishedParts(name: string): { readonly kind: DitKind; readonly parts: CountedParts } {
  const found = PUBLISHED_MODELS[name];
  if (found === undefined) {
    throw new SvgT2IError('ERR_SVGT2I_INVALID_ARGUMENT', `no published model is called "${name}"`, {
      hint: `Known: ${Object.keys(PUBLISHED_MODELS).join(', ')}.`,
    });
  }
  const kind = DIT_KINDS[found.kind];
  const channels = found.dimensions.in_channels;
  const isRae = found.kind === 'rae-dit';
  const decoder = isRae
    ? { ...DECODERS.rae.usual, hidden_size: channels }
    : { ...DECODERS.conv.usual, z_channels: channels };
  const parts: CountedParts = {
    dit: { preset: { kind: found.kind, config: found.dimensions } },
    autoencoder: { preset: { kind: isRae ? 'rae' : 'conv', config: decoder } },
    ...(kind.condition === 'text'
      ? { textEncoder: { preset: { kind: 'gemma-2', config: GEMMA_2_2B } } }
      : {}),
  };
  return { kind, parts };
}
