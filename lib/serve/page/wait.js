/** Waiting that can be ended. */

/**
 * @param {number} milliseconds
 * @param {AbortSignal} signal
 * @returns {Promise<void>} Rejects with the signal's reason.
 */
export function wait(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason);
      return;
    }
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, milliseconds);
    signal.addEventListener('abort', stop, { once: true });
  });
}

/**
 * How long to wait before the next try: a little, then twice as long each time, at most some seconds.
 *
 * @param {number} failures so far, from 1
 */
export function pauseAfter(failures) {
  return Math.min(500 * 2 ** (failures - 1), 8_000);
}
