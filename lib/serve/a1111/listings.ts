/** The lists and options that A1111's clients ask for before they draw. */
import type { ServedModel } from '../models.js';

/** As /sdapi/v1/sd-models lists them; A1111 has a file's path here, and no path leaves this machine. */
export function checkpointList(models: readonly ServedModel[]): readonly object[] {
  return models.map(({ name }) => ({
    title: name,
    model_name: name,
    hash: null,
    sha256: null,
    filename: name,
    config: null,
  }));
}

/** Noise schedules: the settings shift and skip_type choose ours. */
export const SCHEDULERS = [
  { name: 'automatic', label: 'Automatic', aliases: null, default_rho: -1, need_inner_model: false },
] as const;

/** None is here; clients want the list, and its first entry to be no upscaler. */
export const UPSCALERS = [
  { name: 'None', model_name: null, model_path: null, model_url: null, scale: 4 },
] as const;

/** @param model that the client's next pictures are drawn with */
export function optionsAnswer(model: string): object {
  return {
    sd_model_checkpoint: model,
    sd_checkpoint_hash: '',
    sd_vae: 'Automatic',
    CLIP_stop_at_last_layers: 1,
    samples_format: 'png',
  };
}
