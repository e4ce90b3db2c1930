/** Refusals of this layer: requests that make no sense, however often they are sent. */
import { ApiError } from '../errors.js';

/** An error of status 400. */
export function badRequest(
  message: string,
  { code, param }: { readonly code: string; readonly param?: string },
): ApiError {
  return new ApiError(400, code, message, { param });
}
