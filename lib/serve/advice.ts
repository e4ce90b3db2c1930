/** What is told before a model is loaded to be served: that it will not fit, or takes long for a picture. */
import { settingsSchemaOf } from '../config/request.js';
import { SvgT2IError } from '../errors.js';
import { adviceOn } from '../estimate/advice.js';
import { estimateFor } from '../estimate/release.js';
import { FoundRelease } from '../release/found-release.js';
import { checkLoadOptions } from '../release/load-options.js';
import { sampleDefaults } from '../release/sample-defaults.js';
import type { LoadOptions } from '../release/types.js';

const USUAL_PROMPT_TOKENS = 128;
/** A small model is not worth the second that trying the machine takes. */
const FEW_FLOPS = 2e13;

/** Remarks on one picture as the model draws it where nobody says how; none where all is well. */
export async function adviceBeforeServing(options: LoadOptions): Promise<readonly string[]> {
  try {
    const { model, how } = checkLoadOptions(options);
    const found = new FoundRelease(model);
    const { settings, ofModel } = sampleDefaults(found);
    return adviceOn(
      await estimateFor(found, {
        settings: settingsSchemaOf(found.cellPixels).parse(settings),
        ofModel,
        prompts: 1,
        promptTokens: USUAL_PROMPT_TOKENS,
        probeSeconds: (flops) => (flops < FEW_FLOPS ? 0 : 1),
        signal: how.signal,
      }),
    );
  } catch (error) {
    // What is wrong with the weights, loading them says.
    if (SvgT2IError.isInstance(error)) return [];
    throw error;
  }
}
