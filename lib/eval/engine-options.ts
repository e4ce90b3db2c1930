/** The engine that an evaluation of its own starts. */
import type { EngineOptions } from '../engine.js';

/** From the settings of a machine. */
export function engineOptions({
  device,
  threads,
}: {
  readonly device: string;
  readonly threads?: number | undefined;
}): EngineOptions {
  return { device, ...(threads === undefined ? {} : { threads }) };
}
