/** The server inside of another program. */
import { serveSchema } from '../config/serve.js';
import type { ServeSettings } from '../config/serve-settings.js';
import { validate } from '../config/validate.js';
import { SvgT2IError } from '../errors.js';
import { withPlainPaths } from '../release/load-options.js';

/** A server that listens. */
export interface ServeHandle extends AsyncDisposable {
  /** Such as `http://127.0.0.1:7860`. */
  readonly url: string;
  /** The port that it listens at. */
  readonly port: number;
  /** Resolves where a model can draw; rejects with what the last one failed with, where none could be loaded. */
  readonly ready: Promise<void>;
  /** Lets running pictures finish for `drainSeconds` of the options (or so many), answers all else with 503, and ends. */
  close(drainSeconds?: number): Promise<void>;
}

/**
 * Serves pictures over HTTP: OpenAI's image API, jobs with progress, and a page. It resolves when it listens; models are
 * loaded meanwhile.
 *
 * @param options as docs/serve.md lists them; `port: 0` takes a free port
 * @throws SvgT2IError ERR_SVGT2I_INVALID_ARGUMENT, ERR_SVGT2I_INVALID_CONFIG for a server that anybody could use,
 *   ERR_SVGT2I_LISTEN for a port or host that is not to be had
 *
 * @example
 * const server = await serve({ port: 0, models: [{ name: 'shapes', pretrained: EMBEDDED_MODEL }], log: 'off' });
 * await server.ready;
 * const answer = await fetch(`${server.url}/v1/capabilities`);
 * await server.close();
 */
export async function serve(options: ServeSettings = {}): Promise<ServeHandle> {
  const settings = validate(serveSchema, plain(options), { code: 'ERR_SVGT2I_INVALID_ARGUMENT' });
  const { startServer } = await import('./server.js');
  const server = await startServer(settings);
  return { ...server, [Symbol.asyncDispose]: () => server.close() };
}

function plain(options: ServeSettings): unknown {
  if (typeof options !== 'object' || options === null) {
    throw new SvgT2IError('ERR_SVGT2I_INVALID_ARGUMENT', 'serve() takes an object', {
      hint: 'For example serve({ port: 0 }).',
    });
  }
  const { models } = options;
  return Array.isArray(models) ? { ...options, models: models.map(withPlainPaths) } : options;
}
