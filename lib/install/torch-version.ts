import { SvgT2IError } from '../errors.js';

/** The libtorch that the package is built and tested with, and that `svg-t2i install` fetches. */
export const PINNED_TORCH_VERSION = '2.13.0';

/** Minor versions of libtorch 2 that the sources compile on. The C++ interface changes with every minor version. */
export const SUPPORTED_TORCH_MINORS = { first: 11, last: 14 } as const;

export interface TorchVersion {
  readonly major: number;
  readonly minor: number;
  readonly patch: number;
}

/** Reads "2.13.0", also with a build suffix as in "2.13.0+cpu". */
export function parseTorchVersion(text: string): TorchVersion {
  const match = /^(\d+)\.(\d+)\.(\d+)/.exec(text.trim());
  if (match === null) {
    throw new SvgT2IError('ERR_SVGT2I_TORCH_VERSION', `'${text.trim()}' is no version of libtorch`, {
      hint: `Name a version such as ${PINNED_TORCH_VERSION}.`,
    });
  }
  return { major: Number(match[1]), minor: Number(match[2]), patch: Number(match[3]) };
}

export function isSupportedTorch({ major, minor }: TorchVersion): boolean {
  return major === 2 && minor >= SUPPORTED_TORCH_MINORS.first && minor <= SUPPORTED_TORCH_MINORS.last;
}

/** Throws ERR_SVGT2I_TORCH_VERSION for a libtorch that the sources do not compile on. */
export function checkTorchVersion(version: string, where: string): void {
  if (isSupportedTorch(parseTorchVersion(version))) return;
  const { first, last } = SUPPORTED_TORCH_MINORS;
  throw new SvgT2IError(
    'ERR_SVGT2I_TORCH_VERSION',
    `libtorch ${version} in ${where}; needs 2.${first} to 2.${last}`,
    {
      hint: `Run \`svg-t2i install\` to fetch libtorch ${PINNED_TORCH_VERSION}, or point SVG_T2I_LIBTORCH to a supported one.`,
    },
  );
}

/** "2.13": an addon runs only with the minor version that it was built against. */
export function torchMinor(version: string): string {
  const { major, minor } = parseTorchVersion(version);
  return `${major}.${minor}`;
}
