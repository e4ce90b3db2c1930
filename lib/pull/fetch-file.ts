/** Fetches one file into its place, and holds it against its hash. */
import { firstLine, SvgT2IError } from '../errors.js';
import { hashOfFile } from '../fetch/disk.js';
import { PartFile } from '../fetch/part-file.js';
import { fetchRanges } from '../fetch/ranges.js';
import { fileUrl, type HubAccess, type HubFile, type Listing } from '../hub/listing.js';
import { refusalError } from '../hub/refusals.js';
import { etagOf } from '../hub/store.js';
import type { Target } from './target.js';

export interface FileRequest {
  readonly access: HubAccess;
  readonly listing: Listing;
  readonly target: Target;
  readonly connections: number;
  readonly pieceBytes?: number | undefined;
  readonly signal: AbortSignal;
  readonly onBytes: (done: number) => void;
  readonly onCheck: () => void;
  readonly onWarning: (message: string) => void;
}

/** Returns how many bytes came over the network. */
export async function fetchFile(file: HubFile, request: FileRequest): Promise<number> {
  const { target, listing, onWarning } = request;
  const part = await PartFile.open(target.part(file), file.bytes, etagOf(file));
  const earlier = part.bytes;
  let received = 0;
  const counting = {
    ...request,
    onReceived: (bytes: number) => {
      received += bytes;
    },
  };
  try {
    await fetchAndCheck(part, file, counting).catch(async (error: unknown) => {
      // Pieces of another day may be what is wrong, as after the machine lost its power.
      if (!(error instanceof WrongHash) || earlier === 0) throw error;
      onWarning(`${file.path} of ${listing.repo}: ${firstLine(error)}; fetching all of it again`);
      await part.restart();
      await fetchAndCheck(part, file, counting);
    });
    await target.publish(file, part);
    return received;
  } catch (error) {
    if (!(error instanceof WrongHash)) throw error;
    await part.remove();
    throw new SvgT2IError('ERR_SVGT2I_FETCH', `${file.path} of ${listing.repo}: ${firstLine(error)}`, {
      hint: 'What was fetched is thrown away. The server or a proxy sends other bytes: try another network or HF_ENDPOINT.',
    });
  } finally {
    await part.close();
  }
}

class WrongHash extends Error {}

async function fetchAndCheck(
  part: PartFile,
  file: HubFile,
  request: FileRequest & { readonly onReceived: (bytes: number) => void },
): Promise<void> {
  const { onReceived, access, listing, connections, pieceBytes, signal, onBytes, onCheck } = request;
  const { repo, revision, commit } = listing;
  onBytes(part.bytes);
  const url = fileUrl(access.endpoint, repo, commit, file.path);
  await fetchRanges({
    ...{ http: access.http, url, part, connections, policy: access.policy, pieceBytes, signal, onBytes },
    onReceived,
    onRetry: access.onRetry,
    refusal: (answer, text) =>
      refusalError({ ...answer, text }, { ...access, repo, revision, path: file.path }),
  });
  onCheck();
  await checkHash(part.path, file, signal);
}

async function checkHash(
  path: string,
  { bytes, sha256, gitSha1 }: HubFile,
  signal: AbortSignal,
): Promise<void> {
  const actual =
    sha256 === undefined
      ? await hashOfFile(path, { algorithm: 'sha1', prefix: `blob ${bytes}\0`, signal })
      : await hashOfFile(path, { signal });
  const [name, expected] = sha256 === undefined ? ["Git's SHA-1", gitSha1] : ['SHA-256', sha256];
  if (actual !== expected) throw new WrongHash(`its bytes have ${name} ${actual}, not ${expected}`);
}
