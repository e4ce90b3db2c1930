/** What a built addon says about itself; lies beside the loader addon. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SvgT2IError } from '../errors.js';

export const BUILD_INFO_FILE = 'build-info.json';

export interface BuildInfo {
  /** Version of libtorch that the addon was built against. */
  readonly torch: string;
  readonly flavour: string;
  /** Where that libtorch was; a prebuilt addon does not say. */
  readonly libtorch?: string | undefined;
}

/**
 * By hand: what is read before libtorch is opened must not wait for the library of schemas.
 *
 * @throws SvgT2IError ERR_SVGT2I_ADDON_MISSING where it is none
 */
export function readBuildInfo(folder: string): BuildInfo {
  const file = join(folder, BUILD_INFO_FILE);
  const { torch, flavour, libtorch } = objectOf(readFileSync(file, 'utf8'));
  const isOptionalText = libtorch === undefined || typeof libtorch === 'string';
  if (typeof torch === 'string' && typeof flavour === 'string' && isOptionalText) {
    return { torch, flavour, libtorch };
  }
  throw new SvgT2IError('ERR_SVGT2I_ADDON_MISSING', `${file} does not describe an addon`, {
    hint: 'Run `npx svg-t2i build` to build the addon anew, or install the package again.',
  });
}

function objectOf(text: string): Partial<Record<keyof BuildInfo, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {}; // cut off
  }
}
