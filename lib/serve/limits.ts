/** What an operator lets callers ask for. */

import { defined } from '../config/defined.js';
import type { DrawRequest } from '../config/draw-request.js';
import { isAdaptive, settingsSchema } from '../config/request.js';
import type { ServeConfig } from '../config/serve.js';
import type { Settings } from '../config/settings.js';
import { ApiError } from './errors.js';
import type { CheckedDraw, ServedModel } from './models.js';

type Limits = Pick<ServeConfig, 'maxPictures' | 'maxSteps' | 'maxPixels' | 'maxPromptCharacters'>;

/** What a picture has where neither the request nor the model says otherwise. */
const USUAL = settingsSchema.parse({});

/** Adaptive solvers take more steps the smaller the tolerances are, without end. */
const LEAST_RTOL = 1e-5;
const LEAST_ATOL = 1e-8;

/**
 * The request with the model's defaults brought down to what the operator lets callers ask for, where it does not say
 * otherwise: programs that know nothing of either are drawn for.
 */
export function withinLimits(request: DrawRequest, model: ServedModel, limits: Limits): DrawRequest {
  const asked = { ...model.defaults, ...defined(request.settings) };
  const { width = USUAL.width, height = USUAL.height } = asked;
  const own: { -readonly [Name in 'width' | 'height']?: number } = {};
  const saysSize = request.settings.width !== undefined || request.settings.height !== undefined;
  if (!saysSize && width * height > limits.maxPixels) {
    const unit = model.cellPixels * model.patchSize;
    const scale = Math.sqrt(limits.maxPixels / (width * height));
    const fitted = (side: number) => Math.max(unit, Math.floor((side * scale) / unit) * unit);
    [own.width, own.height] = [fitted(width), fitted(height)];
  }
  const fewer = fewerSteps(asked, request.settings, limits.maxSteps);
  return { ...request, settings: { ...request.settings, ...fewer, ...own } };
}

/** Fewer steps where the request says none, and of the solver what so few allow: the order of dpm++ is at most its steps. */
function fewerSteps(asked: Settings, said: Settings, maxSteps: number): Settings {
  const { steps = USUAL.steps, solver = USUAL.solver, order = USUAL.order } = asked;
  if (said.steps !== undefined || steps <= maxSteps) return {};
  // Adaptive ones count none, and still refuse to be given one.
  if (isAdaptive(solver)) return maxSteps > 1 ? { steps: maxSteps } : {};
  const lower = said.order === undefined && order > maxSteps ? { order: maxSteps } : {};
  if (solver === 'dpm++') return { steps: maxSteps, ...lower };
  // All others of fixed steps start at two; dpm++ of order 1 draws one.
  if (maxSteps > 1 || said.solver !== undefined) return { steps: maxSteps };
  return { steps: maxSteps, solver: 'dpm++', ...lower };
}

/** Those that a body alone tells. @throws ApiError 400 */
export function checkBodyLimits(request: DrawRequest, limits: Limits): void {
  const { n, settings } = request;
  atMost('n', n, limits.maxPictures, 'pictures a request');
  const texts = {
    prompt: request.prompt,
    negative_prompt: settings.negativePrompt,
    system_prompt: settings.systemPrompt,
  };
  for (const [param, text] of Object.entries(texts)) {
    if (text === undefined) continue;
    atMost(param, text.length, limits.maxPromptCharacters, 'characters');
  }
}

/** Those that need the model's defaults. @throws ApiError 400 */
export function checkDrawLimits(drawn: CheckedDraw, limits: Limits): void {
  const { width, height, steps, solver, atol, rtol } = drawn;
  atMost('size', width * height, limits.maxPixels, 'pixels a picture');
  if (!isAdaptive(solver)) {
    atMost('num_inference_steps', steps, limits.maxSteps, 'steps a picture');
    return;
  }
  if (rtol < LEAST_RTOL) throw outside('rtol', `must be at least ${LEAST_RTOL} here, got ${rtol}`);
  if (atol < LEAST_ATOL) throw outside('atol', `must be at least ${LEAST_ATOL} here, got ${atol}`);
}

function atMost(param: string, value: number, limit: number, unit: string): void {
  if (value > limit) throw outside(param, `this server draws at most ${limit} ${unit}, got ${value}`);
}

function outside(param: string, what: string): ApiError {
  return new ApiError(400, 'limit_exceeded', `${param}: ${what}`, { param });
}
