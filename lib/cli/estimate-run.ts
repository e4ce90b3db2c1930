/** The work of `svg-t2i estimate`, and what `sample` asks of it before it loads. */
import { type EstimateConfig, estimateSchema, PUBLISHED_MODELS } from '../config/estimate.js';
import type { ConfigSources } from '../config/load.js';
import { validate } from '../config/validate.js';
import { SvgT2IError } from '../errors.js';
import { adviceOn } from '../estimate/advice.js';
import { estimate } from '../estimate/estimate.js';
import { publishedParts } from '../estimate/published.js';
import { estimateFor } from '../estimate/release.js';
import type { Estimate } from '../estimate/types.js';
import { DIT_KINDS } from '../release/dit-kind.js';
import { type DrawConfig, loadSampleConfig } from './sample-config.js';

/** So many multiplications and additions take a fast processor some seconds: less is not worth the second of a probe. */
const FEW_FLOPS = 2e13;
/** Before a run that may be long. */
const SHORT_PROBE_SECONDS = 0.5;
/** Letters of a token, and tokens of a system prompt, about. */
const LETTERS_A_TOKEN = 4;
const SYSTEM_TOKENS = 40;

/**
 * What the flags and the configuration of the command ask for.
 *
 * @throws SvgT2IError ERR_SVGT2I_INVALID_CONFIG, ERR_SVGT2I_WEIGHTS_MISSING; or the signal's reason
 */
export async function estimateAsked(
  asked: unknown,
  { sources, signal }: { readonly sources: ConfigSources; readonly signal: AbortSignal },
): Promise<Estimate> {
  const config = validate(estimateSchema, asked, { nameOf: (key) => sources.nameOf?.(`estimate.${key}`) });
  const published = config.model === undefined ? undefined : PUBLISHED_MODELS[config.model];
  const ofClass = published !== undefined && DIT_KINDS[published.kind].condition === 'class';
  const draw = await loadSampleConfig(sources, { ofClass });
  const request = { ...requestOf(config, draw), signal };
  if (config.model === undefined) return await estimateFor(draw.found, request);
  refuseFiles(draw);
  return await estimate({ ...request, ...publishedParts(config.model), model: draw.model });
}

function requestOf({ prompts, promptTokens, probeSeconds }: EstimateConfig, { sample, ofModel }: DrawConfig) {
  return { settings: sample, ofModel, prompts, promptTokens, probeSeconds };
}

function refuseFiles({ model }: DrawConfig): void {
  const given = (['pretrained', 'dit', 'autoencoder', 'textEncoder'] as const).find(
    (name) => model[name] !== undefined,
  );
  if (given === undefined) return;
  throw new SvgT2IError('ERR_SVGT2I_USAGE', `a published model and ${given} were both given`, {
    hint: '--model counts published dimensions, the other flags count files.',
  });
}

/** What is about to be drawn. */
interface Drawing {
  readonly pictures: number;
  readonly prompts: readonly string[];
  readonly signal: AbortSignal;
}

/** Remarks on pictures that are about to be drawn, none where they fit and take little time. */
export async function adviceBeforeDrawing(
  { found, sample, ofModel }: DrawConfig,
  { pictures, prompts, signal }: Drawing,
): Promise<readonly string[]> {
  const longest = prompts.reduce((most, { length }) => Math.max(most, length), 0);
  try {
    const result = await estimateFor(found, {
      settings: { ...sample, count: pictures },
      ofModel,
      prompts: 1,
      promptTokens: SYSTEM_TOKENS + Math.ceil(longest / LETTERS_A_TOKEN),
      probeSeconds: (flops) => (flops < FEW_FLOPS ? 0 : SHORT_PROBE_SECONDS),
      signal,
    });
    return adviceOn(result);
  } catch (error) {
    // What is wrong with the weights, loading them says.
    if (SvgT2IError.isInstance(error)) return [];
    throw error;
  }
}
