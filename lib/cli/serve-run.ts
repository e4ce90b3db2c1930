/** Runs `svg-t2i serve` until a signal: the first one drains, a second one ends at once. */
import { type ConfigTree, loadConfig, printConfig } from '../config/load.js';
import { type ServeConfig, serveKeys, serveSchema } from '../config/serve.js';
import { SvgT2IError } from '../errors.js';
import { loadSharp } from '../image/sharp.js';
import { printable } from '../printable.js';
import { startServer } from '../serve/server.js';
import { warn } from './output.js';
import { listenForInterrupt } from './signals.js';

/** As commander gives them. */
export interface ServeFlags {
  readonly model?: readonly string[];
  readonly apiKey?: string;
  readonly config?: string;
  readonly set?: readonly string[];
  readonly printConfig?: boolean;
  readonly [flag: string]: unknown;
}

export async function runServe(flags: ServeFlags): Promise<void> {
  const settings = await settingsOf(flags);
  if (flags.printConfig === true) {
    const { apiKey, ...shown } = settings;
    process.stdout.write(
      printable(printConfig(apiKey === undefined ? shown : { ...shown, apiKey: '(not shown)' })),
    );
    return;
  }
  if (flags.apiKey !== undefined) {
    warn(
      'other users of this machine see --api-key in its list of processes; --api-key-file and SVG_T2I_API_KEY are not seen',
    );
  }
  // The log says the rest; of JSON nothing else may be between its lines.
  const told = settings.log === 'pretty' ? 'stopping (Ctrl-C again to quit at once)' : '';
  using interrupt = listenForInterrupt({ told });
  await loadSharp(); // without it no picture could be sent
  const server = await startServer(settings);
  const stopped = new Promise<void>((resolve) => {
    const { signal } = interrupt;
    signal.addEventListener('abort', () => resolve(), { once: true });
    if (signal.aborted) resolve();
  });
  try {
    // A model that cannot be loaded ends the server, where no other one can draw.
    await Promise.race([stopped, server.ready.then(() => stopped)]);
  } finally {
    await server.close();
  }
}

async function settingsOf(flags: ServeFlags): Promise<ServeConfig> {
  const { model, config, set, printConfig: _, ...given } = flags;
  const models = model === undefined ? {} : { models: model.map(modelOf) };
  return loadConfig(serveSchema, {
    keys: serveKeys,
    file: config,
    environment: process.env,
    flags: { ...(given as ConfigTree), ...models },
    set,
    nameOf: (path) => nameOf(path, flags),
  });
}

/** `name=folder`, or a folder or name of the hub alone. */
function modelOf(text: string): ConfigTree {
  const equals = text.indexOf('=');
  const [name, pretrained] = equals < 0 ? [undefined, text] : [text.slice(0, equals), text.slice(equals + 1)];
  if (pretrained === '' || name === '') {
    throw new SvgT2IError('ERR_SVGT2I_USAGE', `--model ${text}: must be NAME=FOLDER or FOLDER`, {
      hint: 'For example --model small=./pre-trained-256.',
    });
  }
  return { ...(name === undefined ? {} : { name }), pretrained };
}

/** The flag that gave a value; undefined where a file or variable did. */
function nameOf(path: string, flags: ServeFlags): string | undefined {
  const [key = ''] = path.split('.');
  if (key === 'models') return flags.model === undefined ? undefined : '--model';
  if (flags[key] === undefined) return undefined;
  return `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
