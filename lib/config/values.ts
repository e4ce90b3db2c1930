/** Schemas of the values that only a program can give: signals, callbacks, arrays. */
import { types } from 'node:util';
import { z } from 'zod';
import { isAbortSignal, SIGNAL_HINT, SIGNAL_WANTED } from '../abort.js';
import { validate } from './validate.js';

/** Anything that can be listened to and asked as an AbortSignal, whoever made it. */
export const signalSchema = z.custom<AbortSignal>(isAbortSignal, {
  error: SIGNAL_WANTED,
  params: { hint: SIGNAL_HINT },
});

/** A callback of any kind. */
export function callbackSchema<Callback>() {
  return z.custom<Callback>((value) => typeof value === 'function', {
    error: 'must be a function',
    params: { hint: 'Pass a function that takes the event, or leave it out.' },
  });
}

// Asked of the engine of JavaScript, not by class: an array from another realm (jest, node:vm) is one as well. The addon
// copies arrays, and cannot reach memory that threads share.
const isOwnMemory = (array: ArrayBufferView) => !types.isSharedArrayBuffer(array.buffer);

export const float32Schema = z.custom<Float32Array>(
  (value) => types.isFloat32Array(value) && isOwnMemory(value),
  {
    error: 'must be a Float32Array that no threads share',
    params: { hint: 'Copy the numbers first: new Float32Array(numbers).' },
  },
);

export const bytesSchema = z.custom<Uint8Array>((value) => types.isUint8Array(value) && isOwnMemory(value), {
  error: 'must be a Uint8Array or Buffer that no threads share',
  params: { hint: 'Copy the bytes first: new Uint8Array(bytes).' },
});

/** A size of something that is there. */
export const countSchema = z.number().int().min(1);

/** The options of a call that can be aborted. */
export const signalOptionsSchema = z.strictObject({ signal: signalSchema.optional() });

/**
 * Checks one argument of a public function; messages begin with its name.
 *
 * @throws SvgT2IError ERR_SVGT2I_INVALID_ARGUMENT
 */
export function checkArgument<Schema extends z.ZodType>(
  name: string,
  schema: Schema,
  value: unknown,
): z.output<Schema> {
  const checked = validate(
    z.strictObject({ [name]: schema }),
    { [name]: value },
    {
      code: 'ERR_SVGT2I_INVALID_ARGUMENT',
    },
  );
  return checked[name] as z.output<Schema>;
}
