/** An engine that draws, encodes and decodes with the weights of one checkpoint of a run after the other. */
import type { TrainingConfig } from '../../config/train.js';
import type { DitTrainingConfig } from '../../config/train-dit.js';
import type { Engine } from '../../engine.js';
import { SvgT2IError } from '../../errors.js';
import type { GenerateEvent } from '../../pipeline/types.js';
import type { Loaded } from '../../release/load.js';
import type { ReleasePart } from '../../release/types.js';
import { publishedWeights } from '../../train/autoencoder-export.js';
import { type FoundCheckpoint, verifyCheckpoint } from '../../train/checkpoint.js';
import { type AskedPictures, drawSamples } from '../../train/dit-grid.js';
import { openRunEngine, restoreCheckpoint } from '../../train/open-checkpoint.js';

export interface CheckpointEngineOptions {
  readonly device: string;
  readonly threads?: number | undefined;
  readonly niceness: number;
  readonly signal?: AbortSignal | undefined;
}

export class CheckpointEngine {
  readonly engine: Pick<Engine, 'run' | 'dispose'>;
  readonly #config: TrainingConfig;
  readonly #loaded: Loaded | undefined;
  #parameters = 0;

  /** What is frozen is loaded already. */
  constructor(
    config: TrainingConfig,
    parts: { readonly engine: Pick<Engine, 'run' | 'dispose'>; readonly loaded: Loaded | undefined },
  ) {
    this.#config = config;
    this.engine = parts.engine;
    this.#loaded = parts.loaded;
  }

  static async open(config: TrainingConfig, options: CheckpointEngineOptions): Promise<CheckpointEngine> {
    return new CheckpointEngine(config, await openRunEngine(config, { ...options, parts: partsOf(config) }));
  }

  /**
   * Takes the weights that the run would publish of a checkpoint: the averaged ones where it keeps some.
   *
   * @throws SvgT2IError ERR_SVGT2I_CHECKPOINT where it is not whole, ERR_SVGT2I_WEIGHTS_MISMATCH; or the signal's reason
   */
  async take(checkpoint: FoundCheckpoint, signal?: AbortSignal): Promise<void> {
    const { folder, state } = checkpoint;
    const config = this.#config;
    const whole = { folder, state: await verifyCheckpoint(folder, state.step) };
    const { parameters } = await restoreCheckpoint(this.engine, config, whole, signal);
    this.#parameters = parameters;
    const [weights, dtype] =
      config.stage === 'dit'
        ? ([config.samples.weights, this.#loaded?.models.dtype ?? 'fp32'] as const)
        : ([publishedWeights(config), 'fp32'] as const);
    await this.engine.run('train-publish', { weights, dtype }, { signal });
    // Moments and averages take several times as much as what draws.
    await this.engine.run('train-close', {}, { signal });
  }

  /** As the run draws its own samples. */
  draw(asked: AskedPictures, signal?: AbortSignal): AsyncGenerator<GenerateEvent, void> {
    const config = this.#config;
    if (config.stage !== 'dit' || this.#loaded === undefined)
      throw new SvgT2IError('ERR_SVGT2I_INTERNAL', 'an autoencoder draws no pictures');
    return drawSamples(config, this.#loaded, this.#parameters, { signal, asked });
  }

  async close(): Promise<void> {
    await Promise.all([this.engine.dispose(), this.#loaded?.tokenizer?.dispose()]);
  }
}

function partsOf(config: TrainingConfig): readonly ReleasePart[] {
  if (config.stage === 'autoencoder') return [];
  return readsText(config) ? ['textEncoder', 'autoencoder', 'statistics'] : ['autoencoder', 'statistics'];
}

/** Whether a transformer draws from text; others draw classes. */
export function readsText({ model }: Pick<DitTrainingConfig, 'model'>): boolean {
  return model.kind !== 'svg';
}
