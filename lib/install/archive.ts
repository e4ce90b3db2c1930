/** What is taken out of an archive that holds libtorch: official libtorch zips and Python wheels. */
import { basename } from 'node:path';
import type { SelectEntry } from './unzip.js';

// The only place that names the server.
const OFFICIAL_SERVER = 'https://download.pytorch.org';

/** Address of the official archive of a version and flavour. */
export function officialArchiveUrl(version: string, flavour: string): string {
  return `${OFFICIAL_SERVER}/libtorch/${flavour}/libtorch-shared-with-deps-${version}%2B${flavour}.zip`;
}

/** Address of the official index of wheels of a flavour, for pip. */
export function wheelIndexUrl(flavour: string): string {
  return `${OFFICIAL_SERVER}/whl/${flavour}`;
}

// libtorch_python needs a Python, and the test libraries nothing needs.
const UNUSED = /^lib\/(libtorch_python\.so|lib\w+_test\.so|.*\.a$)/;

/** Headers, libraries and CMake files of libtorch/ (official archive) or torch/ (wheel); nothing else. */
export const selectLibtorch: SelectEntry = (name) => {
  const path = /^(?:libtorch|torch)\/((?:lib|include|share)\/.+|build-version|version\.py)$/.exec(name)?.[1];
  return path === undefined || UNUSED.test(path) ? undefined : path;
};

/**
 * Shared libraries of an NVIDIA wheel, put beside libtorch's own: torch's run path ends with $ORIGIN. And the headers that
 * c10d's ask for: libtorch has none of its own, and another NCCL's would describe other structures.
 */
export const selectNvidiaFiles: SelectEntry = (name) => {
  if (/^nvidia\/.*\/lib\/[^/]+\.so(\.\d+)*$/.test(name)) return `lib/${basename(name)}`;
  const header = /^nvidia\/.*\/include\/((?:nccl|cublas\w*|cusolver\w*|cusparse\w*)\.h)$/.exec(name)?.[1];
  return header === undefined ? undefined : `include/${header}`;
};
