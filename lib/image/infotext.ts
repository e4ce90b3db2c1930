/** The parameters of a picture as the text that other tools look for under `parameters`. */

/** As ImageParameters: whatever was stored, by name. */
type Stored = Readonly<Record<string, unknown>>;

/** Keyword of the PNG chunk that AUTOMATIC1111's web UI began, and that viewers of generated pictures read. */
export const INFOTEXT_KEYWORD = 'parameters';

const SAMPLER_NAMES: Readonly<Record<string, string>> = { euler: 'Euler', heun: 'Heun' };

/** Settings without a name of their own there, under names that such tools show as they are. */
const OTHERS: readonly (readonly [string, string])[] = [
  ['shift', 'Shift'],
  ['guidanceMode', 'Guidance mode'],
  ['guidanceFrom', 'Guidance from'],
  ['guidanceUntil', 'Guidance until'],
  ['guidanceSchedule', 'Guidance schedule'],
  ['renorm', 'Renorm'],
  ['stepCache', 'Step cache'],
  ['stepCacheRescale', 'Step cache rescale'],
  ['skipType', 'Schedule type'],
  ['atol', 'Absolute tolerance'],
  ['rtol', 'Relative tolerance'],
  ['systemPrompt', 'System prompt'],
  ['enhancedPrompt', 'Enhanced prompt'],
  ['dit', 'Model'],
  ['autoencoder', 'VAE'],
  ['software', 'Version'],
];

/**
 * The prompt, a line `Negative prompt: ...` where there is one, and a line of `Name: value` with commas between.
 * Undefined for parameters without a prompt.
 */
export function infotextOf(parameters: Stored): string | undefined {
  const { prompt, negativePrompt } = parameters;
  if (typeof prompt !== 'string') return undefined;
  const settings: (readonly [string, unknown])[] = [
    ['Steps', parameters.steps],
    ['Sampler', samplerName(parameters)],
    ['CFG scale', parameters.guidanceScale],
    ['Seed', parameters.seed],
    ['Size', sizeOf(parameters)],
    ...OTHERS.map(([key, name]) => [name, parameters[key]] as const),
  ];
  const line = settings
    .filter(([, value]) => typeof value === 'string' || typeof value === 'number')
    .map(([name, value]) => `${name}: ${quoted(String(value))}`)
    .join(', ');
  const negative = typeof negativePrompt === 'string' && negativePrompt !== '' ? [negativePrompt] : [];
  return [prompt, ...negative.map((text) => `Negative prompt: ${text}`), line].join('\n');
}

/** A value with a comma, a colon or a line break in it stands in quotes. */
function quoted(value: string): string {
  return /[,:\n"]/.test(value) ? JSON.stringify(value) : value;
}

/** In the names of k-diffusion where it has one: DPM++ 2M is dpm++ of order 2, multistep. */
function samplerName({ solver, order, method }: Stored): unknown {
  if (typeof solver !== 'string') return undefined;
  if (solver === 'dpm++') return `DPM++ ${String(order)}${method === 'singlestep' ? 'S' : 'M'}`;
  return SAMPLER_NAMES[solver] ?? solver;
}

function sizeOf({ width, height }: Stored): string | undefined {
  return typeof width === 'number' && typeof height === 'number' ? `${width}x${height}` : undefined;
}
