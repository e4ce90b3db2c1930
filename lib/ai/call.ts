/** A call of the AI SDK as settings of ours: what was asked, and what cannot be done. */
import { aiAspectRatioSchema, aiOptionsSchema, aiSizeSchema } from '../config/ai.js';
import { validate } from '../config/validate.js';
import type { AiCallOptions, AiWarning, SvgT2IProviderOptions } from './types.js';

/** Of a model, as far as sizes depend on it. */
export interface SizeRules {
  /** Where nobody says another. */
  readonly width: number;
  readonly height: number;
  /** Pixels of which both sides are multiples. */
  readonly multiple: number;
  /** Pixels of the longest side. */
  readonly mostSide: number;
}

export interface CheckedCall {
  /** As given, without those that the call says elsewhere. */
  readonly settings: Omit<
    SvgT2IProviderOptions,
    'class' | 'format' | 'quality' | 'width' | 'height' | 'seed'
  >;
  readonly subject: { readonly prompt: string } | { readonly class: number | string };
  /** Undefined where neither the call nor its options have one. */
  readonly size: { readonly width: number; readonly height: number } | undefined;
  /** `random` where nobody gives one: calls that run beside each other must differ. */
  readonly seed: number | 'random';
  readonly format: 'png' | 'jpeg' | 'webp';
  readonly quality: number | undefined;
  readonly warnings: AiWarning[];
}

/**
 * What a call asks for.
 *
 * @throws SvgT2IError ERR_SVGT2I_INVALID_ARGUMENT, for an unknown option with the name of the nearest
 */
export async function checkCall(
  options: AiCallOptions,
  rules: () => SizeRules | Promise<SizeRules>,
): Promise<CheckedCall> {
  const { prompt = '', files, mask } = options;
  const warnings: AiWarning[] = [];
  const given = options.providerOptions?.svgT2I ?? {};
  const complete = validate(aiOptionsSchema, given, {
    code: 'ERR_SVGT2I_INVALID_ARGUMENT',
    source: 'providerOptions.svgT2I',
  });
  const isGiven = (key: string) => (given as Record<string, unknown>)[key] !== undefined;
  const { class: label, format, quality, seed, width, height, ...others } = complete;
  if (files !== undefined && files.length > 0) {
    warnings.push(unsupported('files', 'pictures are drawn from text or of classes alone'));
  }
  if (mask !== undefined) warnings.push(unsupported('mask', 'no part of a picture can be drawn anew'));
  const own = isGiven('width') || isGiven('height') ? { width, height } : undefined;
  return {
    settings: Object.fromEntries(Object.entries(others).filter(([key]) => isGiven(key))),
    subject: label === undefined ? { prompt } : { class: label },
    size: (await askedSize(options, rules, warnings)) ?? own,
    seed: options.seed ?? (isGiven('seed') ? seed : 'random'),
    format,
    quality,
    warnings,
  };
}

function unsupported(feature: string, details: string): AiWarning {
  return { type: 'unsupported', feature, details };
}

async function askedSize(
  { size, aspectRatio }: AiCallOptions,
  rules: () => SizeRules | Promise<SizeRules>,
  warnings: AiWarning[],
): Promise<{ readonly width: number; readonly height: number } | undefined> {
  const code = 'ERR_SVGT2I_INVALID_ARGUMENT';
  if (size !== undefined) {
    if (aspectRatio !== undefined) warnings.push(unsupported('aspectRatio', 'size says it already'));
    const [width = 0, height = 0] = validate(aiSizeSchema, size, { code, source: 'size' })
      .split('x')
      .map(Number);
    return { width, height };
  }
  if (aspectRatio === undefined) return undefined;
  const [across = 1, down = 1] = validate(aiAspectRatioSchema, aspectRatio, { code, source: 'aspectRatio' })
    .split(':')
    .map(Number);
  return sizeOfRatio(across / down, await rules());
}

/** As many pixels as the usual picture has, in this shape and in whole cells. */
export function sizeOfRatio(
  ratio: number,
  { width, height, multiple, mostSide }: SizeRules,
): { readonly width: number; readonly height: number } {
  const area = width * height;
  const side = (pixels: number) =>
    Math.min(
      Math.floor(mostSide / multiple) * multiple,
      Math.max(multiple, Math.round(pixels / multiple) * multiple),
    );
  return { width: side(Math.sqrt(area * ratio)), height: side(Math.sqrt(area / ratio)) };
}
