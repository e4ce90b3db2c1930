/** Whether the hub lets us have what is missing: one question a repository, before anything is fetched. */
import type { SvgT2IError } from '../errors.js';
import { transientStatus, withRetries } from '../fetch/retry.js';
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
  const asked = jobs.map(async ({ listing }) => {
    const missing = plan.files.find(({ repo, have, bytes }) => repo === listing.repo && have < bytes);
    return missing === undefined ? undefined : await ask(listing, missing.path, access);
  });
  return (await Promise.all(asked)).filter((refusal) => refusal !== undefined);
}

async function ask(
  { repo, revision, commit }: Job['listing'],
  path: string,
  access: HubAccess,
): Promise<SvgT2IError | undefined> {
  const { http, endpoint, policy, signal, onRetry } = access;
  return await withRetries(
    async () => {
      // Where it is redirected to does not matter, and may not know this method.
      const question = { method: 'HEAD', follow: false, signal } as const;
      const { status, headers, url, body } = await http.send(fileUrl(endpoint, repo, commit, path), question);
      body.destroy();
      const busy = transientStatus(status, headers, new URL(url).host);
      if (busy !== undefined) throw busy;
      if (!REFUSED.has(status)) return undefined;
      return refusalError({ status, headers, text: '' }, { ...access, repo, revision, path });
    },
    { policy, signal, onRetry },
  );
}
