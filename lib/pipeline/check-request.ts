/** A whole request of the API: settings, prompt, and what only a program can give. */
import { z } from 'zod';
import { defined } from '../config/defined.js';
import { PUBLISHED_CELL_PIXELS } from '../config/latent-grid.js';
import { requestSchemaOf } from '../config/request.js';
import type { Settings } from '../config/settings.js';
import { shown, validate } from '../config/validate.js';
import { float32Schema, signalSchema } from '../config/values.js';
import { SvgT2IError } from '../errors.js';
import type { GenerateRequest } from './types.js';

const ownShape = {
  signal: signalSchema.optional(),
  noise: z
    .array(float32Schema, { error: 'must be a list of Float32Arrays, one a picture' })
    .optional()
    .describe('starting noise of each picture instead of the seed'),
  only: z
    .array(z.number().int().min(0), { error: 'must be a list of picture numbers' })
    .optional()
    .describe('numbers of the pictures to draw; the others exist already'),
  returnLatents: z.boolean().default(false).describe("also return each picture's latent"),
  returnDecoded: z
    .boolean()
    .default(false)
    .describe('also return each picture before it is rounded to 8 bits'),
  keepGoing: z.boolean().default(false).describe('draw the others where a picture fails'),
  previewEvery: z.number().int().min(0).default(0).describe('steps from one preview to the next; 0: none'),
};

/** For an autoencoder with cells of so many pixels a side. */
function generateSchemaOf(cellPixels: number) {
  return requestSchemaOf(cellPixels).safeExtend(ownShape);
}
export const generateSchema = generateSchemaOf(PUBLISHED_CELL_PIXELS);

export type CheckedRequest = z.output<typeof generateSchema>;
/** Without what only a program can give. */
export type CheckedSettings = Omit<CheckedRequest, keyof typeof ownShape>;

/**
 * What a caller passed, with the defaults of the release and then of the schema.
 *
 * @throws SvgT2IError ERR_SVGT2I_INVALID_ARGUMENT
 */
export function checkRequest(
  request: GenerateRequest,
  defaults: Settings,
  cellPixels = PUBLISHED_CELL_PIXELS,
): CheckedRequest {
  if (typeof request !== 'object' || request === null || Array.isArray(request)) {
    throw new SvgT2IError(
      'ERR_SVGT2I_INVALID_ARGUMENT',
      `a request must be an object with a prompt or a class, got ${shown(request)}`,
      { hint: "For example { prompt: 'a red circle', seed: 7 }." },
    );
  }
  const checked = validate(
    generateSchemaOf(cellPixels),
    { ...defaults, ...defined(request) },
    {
      code: 'ERR_SVGT2I_INVALID_ARGUMENT',
    },
  );
  checkOnly(checked);
  return checked;
}

function checkOnly({ only, prompt, class: classes, count }: CheckedRequest): void {
  const subjects = prompt ?? classes;
  const pictures = (Array.isArray(subjects) ? subjects.length : 1) * count;
  const outside = only?.find((index) => index >= pictures);
  if (outside === undefined) return;
  throw new SvgT2IError(
    'ERR_SVGT2I_INVALID_ARGUMENT',
    `only: there is no picture ${outside} in a request of ${pictures}`,
    {
      hint: `Pictures are numbered from 0 to ${pictures - 1}: all of the first prompt, then all of the second.`,
    },
  );
}
