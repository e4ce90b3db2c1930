/** Which errors are the fault of one picture, so that others may still be drawn. */
import { type ErrorCode, SvgT2IError } from '../errors.js';

/** These concern every picture of a run: what is loaded, where it runs, who stopped it. */
const CONCERNS_ALL: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'ERR_SVGT2I_CANCELLED',
  'ERR_SVGT2I_DISPOSED',
  'ERR_SVGT2I_NOT_LOADED',
  'ERR_SVGT2I_DEVICE_UNAVAILABLE',
  'ERR_SVGT2I_WEIGHTS_MISSING',
  'ERR_SVGT2I_WEIGHTS_MISMATCH',
  'ERR_SVGT2I_DISK_FULL',
]);

/** Whether a run that is to go on may leave this picture out: numbers that are not finite, too little memory, a bad text. */
export function isOwnFailure(error: unknown): error is SvgT2IError {
  return SvgT2IError.isInstance(error) && !CONCERNS_ALL.has(error.code);
}
