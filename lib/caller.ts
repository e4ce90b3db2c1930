/** Where a call came from: errors are often made where nobody called, when an answer arrives. */
import { SvgT2IError } from './errors.js';

// Deep enough for the caller behind the frames of this package.
const FRAMES = 30;

/** The lines of a stack below `entry`. V8 makes the text when it is first read: calls that end well cost little. */
export function callerFrames(entry: (...values: never[]) => unknown): () => string {
  const holder: { stack?: string } = {};
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = FRAMES;
  Error.captureStackTrace(holder, entry);
  Error.stackTraceLimit = limit;
  return () => holder.stack?.split('\n').slice(1).join('\n') ?? '';
}

/** The error with the frames of a call behind its own, unless they are there already. */
export function withCaller(error: unknown, frames: () => string): unknown {
  if (!SvgT2IError.isInstance(error)) return error;
  const added = frames();
  const [nearest = ''] = added.split('\n', 1);
  if (!error.stack?.includes(nearest)) error.stack = `${error.stack}\n${added}`;
  return error;
}
