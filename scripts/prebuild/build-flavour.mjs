// Builds the addon for a flavour of libtorch: in build/ where the clone's own build is that one, else in a folder beside it.
import { join } from 'node:path';
import { buildAddon, buildFolders } from '../../dist/install/build.js';
import { ensureLibtorch } from '../../dist/install/install.js';
import { cachedLibtorchs, findLibtorch } from '../../dist/install/locate.js';
import { PINNED_TORCH_VERSION } from '../../dist/install/torch-version.js';
import { buildSettings } from './flavours.mjs';

const root = join(import.meta.dirname, '../..');
/** Nothing that is named for the clone's own build. */
const unnamed = {
  ...process.env,
  SVG_T2I_LIBTORCH: undefined,
  LIBTORCH: undefined,
  LIBTORCH_USE_PYTORCH: undefined,
};
// Not the user's cache: from there every later set-up would take the CUDA build for its own.
const ownHome = { ...unnamed, SVG_T2I_HOME: join(root, 'build-libtorch') };

const fits = (flavour) => (libtorch) =>
  libtorch?.version === PINNED_TORCH_VERSION && libtorch.flavour === flavour;

/** The libtorch of a flavour that is there already; undefined where it is to be fetched. */
export function libtorchAtHand(flavour) {
  const places = [findLibtorch(), ...cachedLibtorchs(unnamed), ...cachedLibtorchs(ownHome)];
  return places.find(fits(flavour));
}

/** Brings the build of a flavour up to date; returns its folder of results and its libtorch. */
export async function buildFlavour(flavour, { signal, onProgress, log }) {
  const settings = buildSettings(flavour);
  const own = settings.cuda === 'off' ? findLibtorch() : undefined;
  if (fits(flavour)(own)) {
    await buildAddon({ libtorch: own, signal, log });
    return { output: buildFolders().output, libtorch: own };
  }
  const libtorch =
    libtorchAtHand(flavour) ??
    (await ensureLibtorch({
      cuda: flavour,
      torch: PINNED_TORCH_VERSION,
      env: ownHome,
      signal,
      onProgress,
    }));
  const folder = `build-${flavour}`;
  await buildAddon({ ...settings, libtorch, folder, signal, log });
  return { output: buildFolders(folder).output, libtorch };
}
