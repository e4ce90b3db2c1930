// Ctrl-C and the like end a script's work within a second, with nothing half done; a second one ends it at once.
import { constants } from 'node:os';

/** npm passes on the Ctrl-C that the terminal has sent its child already. */
const SAME_KEY_MS = 250;

export function stopOnSignals() {
  let since = 0;
  const controller = new AbortController();
  const stop = { signal: controller.signal, exitCode: undefined };
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(name, () => {
      stop.exitCode ??= 128 + constants.signals[name];
      if (controller.signal.aborted && performance.now() - since > SAME_KEY_MS) process.exit(stop.exitCode);
      if (controller.signal.aborted) return;
      since = performance.now();
      controller.abort(Object.assign(new Error(`stopped by ${name}`), { code: name }));
    });
  }
  return stop;
}
