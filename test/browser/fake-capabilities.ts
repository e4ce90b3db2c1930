/** What the fake server can do: a small model of words, and one of classes for those who ask. */
import type { Capabilities, ModelFacts } from '../../lib/serve/page/types.js';

const SOLVER = ['num_inference_steps', 'shift'];

export const TEXT_MODEL: ModelFacts = {
  id: 'shapes',
  ready: true,
  condition: 'text',
  cell_pixels: 8,
  patch: 1,
  max_side: 4096,
  sizes: ['64x64', '96x64', '64x96'],
  system_prompts: ['base', 'empty'],
  defaults: {
    size: '64x64',
    num_inference_steps: 20,
    guidance_scale: 3,
    solver: 'dpm++',
    system_prompt: 'empty',
    order: 2,
    guidance_mode: 'renorm',
  },
};

export const CLASS_MODEL: ModelFacts = {
  ...TEXT_MODEL,
  id: 'animals',
  condition: 'class',
  system_prompts: [],
  classes: ['tench', 'goldfish', 'great white shark'],
};

/** Those of the text model, with some of them changed. */
export function capabilitiesWith(changes: Partial<Capabilities>): Capabilities {
  return {
    models: [TEXT_MODEL],
    solvers: [
      { name: 'dpm++', title: 'DPM-Solver++', fields: [...SOLVER, 'order'], least_steps: 1 },
      { name: 'euler', title: "Euler's method", fields: SOLVER, least_steps: 2 },
      { name: 'dopri5', title: 'Dormand-Prince', fields: ['atol', 'rtol'], least_steps: 1 },
    ],
    output_formats: ['png', 'jpeg', 'webp'],
    settings: {
      order: { type: 'integer', minimum: 1, maximum: 3, description: 'order of dpm++' },
      shift: { type: 'number', exclusiveMinimum: 0, maximum: 1000, description: 'time shift' },
      atol: { type: 'number', exclusiveMinimum: 0, description: 'absolute tolerance' },
      rtol: { type: 'number', exclusiveMinimum: 0, description: 'relative tolerance' },
      guidance_mode: { type: 'string', enum: ['renorm', 'standard'], description: 'how it is guided' },
    },
    limits: { n: 4, steps: 200, pixels: 512 * 512, prompt_characters: 1000 },
    auth: false,
    version: '0.0.0',
    ...changes,
  };
}
