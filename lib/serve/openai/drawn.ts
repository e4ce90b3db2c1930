/** Waits for a job on behalf of a caller who holds the line: when they hang up, it is cancelled. */
import { cancelled } from '../errors.js';
import type { Job } from '../job.js';

/**
 * Resolves when all pictures of a job are done.
 *
 * @param caller aborted when whoever asked has gone; the job is cancelled then, in the queue too
 * @throws ApiError what it failed with; 499 where it was cancelled, unless `cancelledToo` takes what is there
 */
export async function drawn(
  job: Job,
  caller: AbortSignal,
  { cancelledToo = false }: { readonly cancelledToo?: boolean } = {},
): Promise<void> {
  const cancel = () => job.cancel();
  caller.addEventListener('abort', cancel, { once: true });
  if (caller.aborted) cancel();
  try {
    await job.finished;
  } finally {
    caller.removeEventListener('abort', cancel);
  }
  if (job.error !== undefined) throw job.error;
  if (job.status === 'cancelled' && !cancelledToo) throw cancelled();
}
