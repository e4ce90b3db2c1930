/** Whether the hub lets us have what is missing: one question a repository, before anything is fetched. */
import type { SvgT2IError } from '../errors.js';
import { Transient, transientStatus, withRetries } from '../fetch/retry.js';
import { fileUrl, type HubAccess } from '../hub/listing.js';
import { refusalError } from '../hub/refusals.js';
import type { Job, Planned } from './plan.js';

/** Licences, tokens and files that are gone; whatever else a server says is for the fetching to find out. */
const REFUSED: ReadonlySet<number> = new Set([401, 403, 404]);

/** One a repository that refuses. */
export async function refusalsOf(
  { jobs, plan }: Planned,
  access: HubAccess,
): Promise<readonly SvgT2IError[]> {
  const refusals: SvgT2IError[] = [];
  // One after another: where a question fails, no other one is left in its pause.
  for (const { listing } of jobs) {
    const missing = plan.files.find(({ repo, have, bytes }) => repo === listing.repo && have < bytes);
    const refusal = missing === undefined ? undefined : await ask(listing, missing.path, access);
    if (refusal !== undefined) refusals.push(refusal);
  }
  return refusals;
}

async function ask(
  { repo, revision, commit }: Job['listing'],
  path: string,
  access: HubAccess,
): Promise<SvgT2IError | undefined> {
  const { http, endpoint, signal, onRetry } = access;
  const { retries, mostMs, ...pauses } = access.policy;
  // Nobody waits long for what the fetching asks again.
  const policy = { ...pauses, mostMs, retries: Math.min(retries, 1), mostRetryAfterMs: mostMs };
  const question = async () => {
    // Where it is redirected to does not matter, and may not know this method.
    const asked = { method: 'HEAD', follow: false, signal } as const;
    const { status, headers, url, body } = await http.send(fileUrl(endpoint, repo, commit, path), asked);
    body.destroy();
    const busy = transientStatus(status, headers, new URL(url).host);
    if (busy !== undefined) throw busy;
    if (!REFUSED.has(status)) return undefined;
    return refusalError({ status, headers, text: '' }, { ...access, repo, revision, path });
  };
  try {
    return await withRetries(question, { policy, signal, onRetry });
  } catch (error) {
    if (error instanceof Transient) return undefined;
    throw error;
  }
}
