/** Where libtorch is missing: fetches it, if the user agrees. */
import { type ErrorCode, SvgT2IError } from '../errors.js';
import { FLAVOURS } from '../install/cuda.js';
import { ensureLibtorch, type InstallOptions, planInstall } from '../install/install.js';
import { progressPrinter } from '../install/progress.js';
import { gigabytes } from '../install/source.js';
import { findAddons } from '../native/addons.js';
import { chooseNative } from '../native/choose.js';
import { askYesNo } from './ask.js';
import { note } from './output.js';
import { listenForInterrupt } from './signals.js';

export interface OfferOptions {
  /** Agreed beforehand. */
  readonly yes: boolean;
  /** Somebody may be asked. */
  readonly canAsk: boolean;
}

/** None at all, or only such of other versions. */
const MISSING: readonly ErrorCode[] = ['ERR_SVGT2I_LIBTORCH_MISSING', 'ERR_SVGT2I_TORCH_VERSION'];

/**
 * Returns when there is a libtorch for the addon.
 *
 * @throws SvgT2IError ERR_SVGT2I_LIBTORCH_MISSING or ERR_SVGT2I_TORCH_VERSION where nobody agreed to fetch it; what the installation throws
 */
export async function offerLibtorch({ yes, canAsk }: OfferOptions): Promise<void> {
  const addons = findAddons();
  const [{ build }] = addons;
  const missing = whyMissing(() => chooseNative(addons));
  if (missing === undefined) return;
  if (!yes && !canAsk) throw withWayOut(missing, build.torch);
  using interrupt = listenForInterrupt();
  const { signal } = interrupt;
  const options: InstallOptions = {
    torch: build.torch,
    // Of the first addon, not of the driver: for a CPU it is the smaller one by far.
    cuda: FLAVOURS.find((known) => known === build.flavour) ?? 'auto',
    signal,
    onProgress: progressPrinter(note),
  };
  note(`${missing.message}; looking for one to fetch`);
  const { version, flavour, dir, from, bytes } = await planInstall(options);
  const size = bytes === undefined ? 'size unknown' : gigabytes(bytes);
  const what = `libtorch ${version} for ${flavour} (${size}, by ${from.join(', ')}) into ${dir}`;
  if (!yes && !(await askYesNo(`Fetch ${what}?`, { input: process.stdin, output: process.stderr, signal }))) {
    throw withWayOut(missing, version);
  }
  if (yes) note(`fetching ${what}`);
  await ensureLibtorch(options);
}

/** undefined where a fitting one is there; what is wrong with one that somebody named is thrown. */
function whyMissing(choose: () => unknown): SvgT2IError | undefined {
  try {
    choose();
    return undefined;
  } catch (error) {
    const { SVG_T2I_LIBTORCH, LIBTORCH } = process.env;
    const isNamed = Boolean(SVG_T2I_LIBTORCH || LIBTORCH);
    if (!isNamed && SvgT2IError.isInstance(error) && MISSING.includes(error.code)) return error;
    throw error;
  }
}

function withWayOut(missing: SvgT2IError, version: string): SvgT2IError {
  return new SvgT2IError(missing.code, missing.message, {
    hint: `\`npx svg-t2i quickstart --yes\` fetches it first (about 200 MB for the CPU); \`npx svg-t2i install --torch ${version}\` does that alone.`,
    cause: missing,
  });
}
