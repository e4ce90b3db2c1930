// The binaries that the package brings: what each is built for, and where it lies.
import { PREBUILT_CUDA } from '../../dist/native/addons.js';

const CPU = 'cpu';

export const FLAVOURS = [CPU, PREBUILT_CUDA];

/**
 * GPUs that get kernels of their own: Ampere and Ada (80), Hopper (90a), data-centre and other Blackwells (100, 120). Later
 * ones compile the PTX of the last.
 */
const CUDA_TARGETS = '80,90a,100,120';

/** Options of the build for a flavour. */
export function buildSettings(flavour) {
  return flavour === CPU ? { cuda: 'off' } : { cuda: 'on', cudaTargets: CUDA_TARGETS };
}

/** Capabilities that kernels of a binary are to be found for. */
export function capabilities(flavour) {
  return flavour === CPU ? [] : CUDA_TARGETS.split(',').map((target) => Number.parseInt(target, 10));
}

/** The folder below which prebuildify puts prebuilds/: one for each flavour, since node-gyp-build knows no tag for CUDA. */
export function folderOf(flavour, out) {
  return flavour === CPU ? out : `${out}/prebuilds/${flavour}`;
}

/** Files of a flavour, below the package's folder. */
export function filesOf(flavour) {
  const folder = `${folderOf(flavour, '.')}/prebuilds/${process.platform}-${process.arch}`.replace('./', '');
  return {
    addon: `${folder}/svg-t2i.glibc.node`,
    loader: `${folder}/loader/svg-t2i-loader.node`,
    info: `${folder}/loader/build-info.json`,
  };
}
