/** Where a libtorch would come from, found out before anything is fetched: `--dry-run` and the installation agree. */
import { existsSync } from 'node:fs';
import { SvgT2IError } from '../errors.js';
import { Http, whatFailed } from '../fetch/http.js';
import { officialArchiveUrl, wheelIndexUrl } from './archive.js';
import type { Flavour } from './cuda.js';
import { chooseWheel, findPip, type PipRequest, sizeOfWheels, sum, type WheelChoice } from './pip.js';
import { nvidiaRequirements, offeredFlavour, torchRequirements } from './wheel-metadata.js';

export interface SourceRequest extends Omit<PipRequest, 'python'> {
  readonly note: (message: string) => void;
  readonly version: string;
  readonly flavour: Flavour;
  /** The flavour was chosen by the driver, not by name. */
  readonly isAuto: boolean;
  readonly file?: string | undefined;
  readonly url?: string | undefined;
}

export type Source =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'archive'; readonly url: string; readonly bytes?: number | undefined }
  | WheelSource;

export interface WheelSource {
  readonly kind: 'wheels';
  readonly pip: PipRequest;
  readonly torch: WheelChoice;
  /** What is in the wheel. */
  readonly flavour: string;
  /** To fetch, with the CUDA libraries; undefined where it cannot be told. */
  readonly bytes: number | undefined;
}

/** How long the official server may take to answer before pip is asked. */
const ANSWER_MS = 5000;

/** @throws SvgT2IError ERR_SVGT2I_INSTALL where there is none of the flavour, ERR_SVGT2I_FILE_NOT_FOUND */
export async function findSource(request: SourceRequest): Promise<Source> {
  const { file, url, version, flavour, note } = request;
  if (file !== undefined) {
    if (!existsSync(file)) throw new SvgT2IError('ERR_SVGT2I_FILE_NOT_FOUND', `there is no file ${file}`);
    return { kind: 'file', path: file };
  }
  if (url !== undefined) return { kind: 'archive', url };
  const official = officialArchiveUrl(version, flavour);
  const answer = await askFor(official, request.signal);
  if (answer.isThere) return { kind: 'archive', url: official, bytes: answer.bytes };
  note(`no official archive (${answer.reason}); asking pip`);
  return await findWheels(request);
}

/** The torch of pip's indexes, and what it needs. */
export async function findWheels(request: SourceRequest): Promise<WheelSource> {
  const { version, flavour, signal, folder } = request;
  const pip: PipRequest = { python: await findPip(signal), folder, signal };
  const torch = await chooseWheel(torchRequirements(version, flavour), pip);
  const { offered } = torch;
  // This pip tells nothing before it has fetched: the wheel itself is looked at then.
  if (offered === undefined) return { kind: 'wheels', pip, torch, flavour, bytes: undefined };
  const nvidia = nvidiaRequirements(offered.requires);
  const bytes = sum([offered.bytes, await sizeOfWheels(nvidia, pip)]);
  const offers = offeredFlavour(offered.requires);
  checkFlavour(offers, request, bytes);
  return { kind: 'wheels', pip, torch, flavour: offers, bytes };
}

/** Refuses what was not asked for: a CUDA build is some gigabytes, and another CUDA may not run. */
export function checkFlavour(
  offered: string,
  { flavour, isAuto, version }: Pick<SourceRequest, 'flavour' | 'isAuto' | 'version'>,
  bytes: number | undefined,
): void {
  if (offered === flavour) return;
  const isCuda = offered !== 'cpu' && flavour !== 'cpu';
  // A driver runs older CUDA as well; where its version is written nowhere, nothing speaks against it.
  if (isCuda && (offered === 'cuda' || (isAuto && offered < flavour))) return;
  const size = bytes === undefined ? 'size unknown' : `${gigabytes(bytes)} to fetch`;
  const take =
    offered === 'cuda' ? '' : `Take that one with \`svg-t2i install --torch ${version} --cuda ${offered}\`. `;
  throw new SvgT2IError(
    'ERR_SVGT2I_INSTALL',
    `pip has torch ${version} only as a build for ${offered} (${size}), not for ${flavour}`,
    {
      hint: `${take}For ${flavour} let pip look at such an index (PIP_EXTRA_INDEX_URL=${wheelIndexUrl(flavour)}), or pass an archive with --file.`,
    },
  );
}

export function gigabytes(bytes: number): string {
  return bytes < 1e9 ? `${Math.ceil(bytes / 1e6)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}

type Answer =
  | { readonly isThere: true; readonly bytes: number | undefined }
  | { readonly isThere: false; readonly reason: string };

async function askFor(url: string, signal: AbortSignal | undefined): Promise<Answer> {
  const timeout = AbortSignal.timeout(ANSWER_MS);
  const http = new Http();
  try {
    const { status, headers, body } = await http.send(url, {
      method: 'HEAD',
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
    });
    body.destroy();
    if (status !== 200) return { isThere: false, reason: `HTTP ${status} from ${new URL(url).host}` };
    const length = headers['content-length'];
    return { isThere: true, bytes: length === undefined ? undefined : Number(length) };
  } catch (error) {
    signal?.throwIfAborted();
    const reason = timeout.aborted ? `no answer from ${new URL(url).host}` : whatFailed(error);
    return { isThere: false, reason };
  } finally {
    await http.close();
  }
}
