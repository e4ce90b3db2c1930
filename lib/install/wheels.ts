/** Fetches torch's wheel and those of the CUDA libraries that it needs, and puts them together as one libtorch. */
import { basename } from 'node:path';
import { SvgT2IError } from '../errors.js';
import { checkFreeSpace } from '../fetch/disk.js';
import { selectLibtorch, selectNvidiaFiles } from './archive.js';
import { roomForLibtorch } from './archive-checks.js';
import { downloadWheels } from './pip.js';
import { checkFlavour, gigabytes, type SourceRequest, type WheelSource } from './source.js';
import { type UnpackOptions, unpack } from './unpack.js';
import { readZipText } from './unzip.js';
import { nvidiaRequirements, offeredFlavour, requiresDist } from './wheel-metadata.js';

export interface FetchWheelsRequest
  extends Pick<SourceRequest, 'version' | 'flavour' | 'isAuto'>,
    UnpackOptions {
  /** Scratch folder inside the cache. */
  readonly work: string;
}

/** Of a wheel's size, what it takes with its files unpacked beside it, about. */
const ROOM = 3.5;

export async function fetchWheels(
  source: WheelSource,
  target: string,
  request: FetchWheelsRequest,
): Promise<void> {
  const { work, note, freeBytes } = request;
  const { pip, torch, bytes } = source;
  if (bytes !== undefined) await checkFreeSpace(roomForLibtorch(work, ROOM * bytes), freeBytes);
  note(
    `fetching ${torch.requirement} with pip (${bytes === undefined ? 'this can take minutes' : gigabytes(bytes)})`,
  );
  const [wheel] = await downloadWheels(['--no-deps', ...torch.platform, torch.requirement], pip);
  if (wheel === undefined) throw new SvgT2IError('ERR_SVGT2I_INSTALL', `pip left no wheel in ${work}`);
  const requires = requiresDist((await readZipText(wheel, /^[^/]+\.dist-info\/METADATA$/)) ?? '');
  // Where pip could not tell before.
  checkFlavour(offeredFlavour(requires), request, undefined);
  await unpack(wheel, target, selectLibtorch, request);
  const nvidia = nvidiaRequirements(requires);
  if (nvidia.length === 0) return;
  note(`fetching the CUDA libraries with pip (${nvidia.length} packages)`);
  for (const path of await downloadWheels(nvidia, pip)) {
    if (/^nvidia_.*\.whl$/.test(basename(path))) await unpack(path, target, selectNvidiaFiles, request);
  }
}
