/** What the checkpoints of a run are put to, as its stage and the settings of the watch say. */
import type { ResolvedWatch } from '../../config/eval/watch.js';
import type { TrainingConfig } from '../../config/train.js';
import { SvgT2IError } from '../../errors.js';
import { isSceneList } from '../../shapes/manifest.js';
import { countRemarks } from '../needs.js';
import { readsText } from './checkpoint-engine.js';
import { DrawingProbe } from './drawing-probe.js';
import type { Probe } from './probe.js';
import { ReconstructionProbe } from './reconstruction-probe.js';
import { chooseMetrics, isMeasured } from './watch-metrics.js';

/**
 * @throws SvgT2IError ERR_SVGT2I_INVALID_ARGUMENT for settings that make no sense of this run, as chooseMetrics; and for
 *   data, prompts or weights that cannot be read
 */
export async function openProbe(
  config: TrainingConfig,
  settings: ResolvedWatch,
  onWarning: (message: string) => void,
): Promise<Probe> {
  const { prompts, data, count } = settings;
  const isShapes = config.stage === 'dit' && prompts === undefined && (await trainsOnShapes(config));
  const lpips = settings.lpips ?? (config.stage === 'autoencoder' ? config.loss.lpips : undefined);
  const metrics = chooseMetrics(config, settings, { isShapes, lpips });
  for (const remark of countRemarks({ name: 'each checkpoint', count }, metrics.filter(isMeasured)))
    onWarning(remark);
  if (config.stage === 'autoencoder') {
    if (prompts !== undefined) refuse('prompts: an autoencoder draws none', 'Give data (--data) instead.');
    if (data === undefined) onWarning(OWN_DATA);
    return await ReconstructionProbe.open(config, { ...settings, lpips }, metrics);
  }
  if (prompts !== undefined && !readsText(config))
    refuse(
      'prompts: this model draws classes, it reads no text',
      'Leave them out: those of samples.classes are drawn.',
    );
  return await DrawingProbe.open(config, settings, metrics);
}

const OWN_DATA =
  'measured on pictures that the run trains on: name others with data (--data) to see what it makes of new ones';

async function trainsOnShapes({ data }: TrainingConfig): Promise<boolean> {
  for (const { path } of data.sets) if (!(await isSceneList(path))) return false;
  return true;
}

function refuse(message: string, hint: string): never {
  throw new SvgT2IError('ERR_SVGT2I_INVALID_ARGUMENT', message, { hint });
}
