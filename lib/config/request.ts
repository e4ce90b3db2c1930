/** What to draw: one schema for the API, the command line and the configuration files. */
import { z } from 'zod';
import { SOLVER_FACTS, SOLVERS } from '../facts.js';
import { MAX_SIDE_CELLS, PUBLISHED_CELL_PIXELS } from './latent-grid.js';
import type { Solver } from './settings.js';

/** Longest caption in tokens, the system prompt and <bos> included; what is longer is cut with a warning. */
export const MAX_CAPTION_TOKENS = 512;

/** In front of captions, where nobody says another. */
export const DEFAULT_SYSTEM_PROMPT = 'base';

export { SOLVERS };
export const DPM_METHODS = ['multistep', 'singlestep'] as const;
export const DPM_SKIP_TYPES = ['time_uniform_flow', 'time_uniform', 'time_quadratic', 'logSNR'] as const;
export const STEP_CACHE_RESCALES = ['none', 'lumina2-v1', 'lumina2-v2'] as const;
export const GUIDANCE_MODES = ['renorm', 'standard'] as const;
/** constant, late, linear, early-T or cfg_star-SKIP-RATIO. */
const SCHEDULE = /^(constant|late|linear|early-(\d+(\.\d+)?|\.\d+)|cfg_star-\d+-(\d+(\.\d+)?|\.\d+))$/;
export const SEED_MODES = ['each', 'same'] as const;

/** Chooses its own steps from an error estimate, whatever `steps` says. */
export function isAdaptive(solver: Solver): boolean {
  return SOLVER_FACTS[solver].family === 'adaptive';
}

/** Whether each step asks for one velocity. */
function hasOneStage({
  solver,
  method,
  order,
}: Pick<ResolvedSettings, 'solver' | 'method' | 'order'>): boolean {
  return SOLVER_FACTS[solver].stages === 1 && (solver !== 'dpm++' || method === 'multistep' || order === 1);
}

/** The time shift of the published sampling script for each kind of solver. */
export function defaultShift(solver: Solver): number {
  // Adaptive solvers read none; pictures of theirs record what the other solvers of differential equations take.
  return SOLVER_FACTS[isAdaptive(solver) ? 'euler' : solver].shift;
}

const side = (name: string, cellPixels: number) =>
  z
    .number()
    .int()
    .min(cellPixels)
    .max(MAX_SIDE_CELLS * cellPixels)
    .multipleOf(cellPixels)
    .default(1024)
    .describe(`${name} in pixels, a multiple of ${cellPixels}`);

/** Every setting of a picture but its prompt. */
export const settingsSchema = z.strictObject({
  negativePrompt: z.string().default('').describe('what to steer away from'),
  systemPrompt: z
    .string()
    .default(DEFAULT_SYSTEM_PROMPT)
    .describe('align, base, aesthetics, real, 4grid, empty, enhance, or a text of your own'),
  width: side('width', PUBLISHED_CELL_PIXELS),
  height: side('height', PUBLISHED_CELL_PIXELS),
  count: z.number().int().min(1).max(100_000).default(1).describe('pictures per prompt'),
  batchSize: z
    .number()
    .int()
    .min(1)
    .max(256)
    .default(1)
    .describe('pictures drawn together; more takes memory and is faster on a GPU'),
  seed: z
    .union([z.number().int().min(0).max(Number.MAX_SAFE_INTEGER), z.literal('random')], {
      error: 'must be a whole number from 0 to 2^53 - 1, or "random"',
    })
    .default(0)
    .describe('seed of the first picture; those of the others are counted from it'),
  seedMode: z
    .enum(SEED_MODES)
    .default('each')
    .describe(
      'each: picture i of the run uses seed + i; same: picture j of every prompt uses seed + j, so that prompts share noise',
    ),
  steps: z.number().int().min(1).max(1000).default(50).describe('solver steps'),
  solver: z.enum(SOLVERS).default('dpm++').describe('how the flow is integrated'),
  order: z.number().int().min(1).max(3).default(2).describe('order of dpm++'),
  method: z.enum(DPM_METHODS).default('multistep').describe('variant of dpm++'),
  skipType: z.enum(DPM_SKIP_TYPES).default('time_uniform_flow').describe('time grid of dpm++'),
  shift: z
    .number()
    .positive()
    .max(1000)
    .optional()
    .describe(
      'time shift towards the noisy end; 10 for dpm++ and 6 for the others where not given. SVG counts it the other way: 0.15',
    ),
  atol: z.number().positive().default(1e-6).describe('absolute tolerance of the adaptive solvers'),
  rtol: z.number().positive().default(1e-3).describe('relative tolerance of the adaptive solvers'),
  guidanceScale: z.number().min(0).max(1000).default(4).describe('classifier-free guidance; 1 turns it off'),
  guidanceMode: z
    .enum(GUIDANCE_MODES)
    .default('renorm')
    .describe('renorm: the guided velocity is no longer than the conditional one; standard: as it is'),
  guidanceUntil: z
    .number()
    .min(0)
    .max(1)
    .default(1)
    .describe('guide only while t is below this (0 is noise, 1 the picture)'),
  guidanceFrom: z
    .number()
    .min(0)
    .max(1)
    .default(0)
    .describe('guide only from this t on (0 is noise, 1 the picture)'),
  guidanceSchedule: z
    .string()
    .regex(SCHEDULE, {
      error: 'must be constant, late, linear, early-T (early-0.3) or cfg_star-SKIP-RATIO (cfg_star-1-0)',
    })
    .default('constant')
    .describe(
      'how guidance changes: constant; late: in the second half of the steps alone; linear: rising to the last step; early-T: where t is above T; cfg_star-SKIP-RATIO: the first SKIP steps take -RATIO of the unconditional velocity',
    ),
  renorm: z.number().positive().max(1000).default(1).describe('factor on the limit of guidance mode renorm'),
  stepCache: z
    .number()
    .min(0)
    .max(1000)
    .default(0)
    .describe(
      'reuse what the layers added where little changes from step to step: how much change adds up before they run again; 0: every step is computed',
    ),
  stepCacheRescale: z
    .enum(STEP_CACHE_RESCALES)
    .default('none')
    .describe(
      'how the step cache counts changes: none, as they are; lumina2-v1, lumina2-v2: by the polynomials that were published for Lumina-Image 2.0',
    ),
});

const anySide = z.number().int().positive().default(1024);

/** The same for an autoencoder with cells of so many pixels a side; undefined: not known yet, so sides are not held to any. */
export function settingsSchemaOf(cellPixels: number | undefined): typeof settingsSchema {
  if (cellPixels === PUBLISHED_CELL_PIXELS) return settingsSchema;
  if (cellPixels === undefined) return settingsSchema.extend({ width: anySide, height: anySide });
  return settingsSchema.extend({ width: side('width', cellPixels), height: side('height', cellPixels) });
}

/** Rules between fields; zod checks each field alone. */
export function checkTogether(request: z.output<typeof settingsSchema>, context: z.RefinementCtx): void {
  const refuse = (path: string, message: string, input: unknown, hint?: string) =>
    context.addIssue({ code: 'custom', path: [path], message, input, params: { hint } });
  const { solver, steps, seed, count } = request;
  if (solver === 'dpm++' && steps > 0 && steps < request.order) {
    refuse(
      'steps',
      `must be at least the order of dpm++ (${request.order})`,
      steps,
      `Take a lower order (--order ${steps}) for so few steps.`,
    );
  }
  if (solver !== 'dpm++' && steps === 1) {
    const hint = 'One step is drawn by solver dpm++ of order 1 (--solver dpm++ --order 1).';
    refuse('steps', `must be at least 2 for ${solver}`, steps, hint);
  }
  if (isAdaptive(solver) && /^(late|linear|cfg_star)/.test(request.guidanceSchedule)) {
    refuse(
      'guidanceSchedule',
      `counts steps, which ${solver} chooses on the way`,
      request.guidanceSchedule,
      'Take a solver with fixed steps (--solver euler), or the schedule constant or early-T.',
    );
  }
  if (request.guidanceFrom > 0 && request.guidanceFrom >= request.guidanceUntil) {
    refuse(
      'guidanceFrom',
      `must be below guidanceUntil (${request.guidanceUntil}): no step would be guided`,
      request.guidanceFrom,
      'Guidance counts from guidanceFrom to guidanceUntil, 0 is noise and 1 the picture; --guidance 1 turns it off.',
    );
  }
  if (request.stepCache > 0 && !hasOneStage(request)) {
    refuse(
      'stepCache',
      `wants a solver of one evaluation a step, not ${solver}${solver === 'dpm++' ? ' with method singlestep' : ''}`,
      request.stepCache,
      'Take solver dpm++ with method multistep, or euler; or leave the step cache out.',
    );
  }
  if (typeof seed === 'number' && seed > Number.MAX_SAFE_INTEGER - (count - 1)) {
    refuse('seed', 'seed + count must stay below 2^53', seed);
  }
}

/** Pictures of a run with different seeds. */
export function seedCount(run: Pick<ResolvedSettings, 'count' | 'seedMode'>, prompts: number): number {
  return run.seedMode === 'same' ? run.count : run.count * prompts;
}

/** Seed of the picture with this index. */
export function seedOf(
  run: Pick<ResolvedSettings, 'count' | 'seedMode'> & { readonly seed: number },
  index: number,
): number {
  return run.seed + (run.seedMode === 'same' ? index % run.count : index);
}

/** Settings as a configuration file holds them; prompts come from the command line. */
export function settingsWithRulesOf(cellPixels: number | undefined) {
  return settingsSchemaOf(cellPixels).superRefine(checkTogether);
}
export const settingsWithRules = settingsWithRulesOf(PUBLISHED_CELL_PIXELS);

const classSchema = z.union([z.number().int().min(0).max(1_000_000), z.string().min(1)]);

/** A whole request of the API. */
export function requestSchemaOf(cellPixels: number) {
  return settingsSchemaOf(cellPixels)
    .extend({
      prompt: z
        .union([z.string(), z.array(z.string()).min(1)], { error: 'must be a text or a list of texts' })
        .optional()
        .describe('what to draw, in any language that Gemma reads'),
      class: z
        .union([classSchema, z.array(classSchema).min(1)], {
          error: 'must be a number from 0 on, a name, or a list of them',
        })
        .optional()
        .describe('what a class-conditional model draws, in place of a prompt'),
    })
    .superRefine((request, context) => {
      checkTogether(request, context);
      const { prompt, class: classes } = request;
      if ((prompt === undefined) !== (classes === undefined)) return;
      const message =
        prompt === undefined
          ? 'must be a text or a list of texts, or a class be given'
          : 'was given beside a class: one of them is drawn';
      context.addIssue({ code: 'custom', path: ['prompt'], message, input: prompt });
    });
}
export const requestSchema = requestSchemaOf(PUBLISHED_CELL_PIXELS);

/** With every default filled in. */
export type ResolvedSettings = z.output<typeof settingsSchema>;
export type ResolvedRequest = z.output<typeof requestSchema>;
