/** Fetches a file of known size over several connections, each a piece at a time, going on where an earlier try was cut. */
import { setMaxListeners } from 'node:events';
import { linkedController, throwIfAborted } from '../abort.js';
import { firstLine, SvgT2IError } from '../errors.js';
import { type Answer, Http, refusePacked, whatFailed, withoutSecrets } from './http.js';
import type { PartFile, Span } from './part-file.js';
import { type RetryPolicy, Transient, transientStatus, withRetries } from './retry.js';

export interface RangesOptions {
  readonly http: Http;
  readonly url: string;
  readonly part: PartFile;
  readonly connections: number;
  readonly policy: RetryPolicy;
  readonly pieceBytes?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Bytes that are there; now and then fewer than before, where a server made us begin again. */
  readonly onBytes?: ((done: number) => void) | undefined;
  /** So many have come over the network. */
  readonly onReceived?: ((bytes: number) => void) | undefined;
  readonly onRetry?: ((reason: string, waitMs: number) => void) | undefined;
  /** What a status means that is neither good nor worth another try. */
  readonly refusal?: ((answer: Answer, text: string) => SvgT2IError) | undefined;
}

/** Small enough that little is asked for twice, large enough that asking costs nothing. */
const PIECE_BYTES = 16 << 20;

/** An address that the server has redirected to is good no more. */
class Expired extends Transient {}
/** The server answers a range with the whole file. */
class NoRanges extends Error {}
/** What was there of the file ends elsewhere than the server's. */
class OtherFile extends Error {}

/**
 * Fills the part.
 *
 * @throws SvgT2IError ERR_SVGT2I_FETCH, or what `refusal` gives; ERR_SVGT2I_DISK_FULL, ERR_SVGT2I_IO; the signal's reason
 */
export async function fetchRanges(options: RangesOptions): Promise<void> {
  const { part, policy, signal, onRetry, url } = options;
  let plain = false;
  const resumed = part.bytes > 0;
  const round = async () => {
    try {
      const whole = { connections: 1, pieceBytes: Number.POSITIVE_INFINITY };
      return await fetchPieces(plain ? { ...options, ...whole } : options);
    } catch (error) {
      throwIfAborted(signal);
      const again = error instanceof NoRanges || (error instanceof OtherFile && resumed && !plain);
      if (!again) throw error instanceof Transient ? typed(error, url) : error;
      // Without ranges all of it must come in one go.
      plain = true;
      await part.restart();
      options.onBytes?.(0);
      throw new Transient(error.message, { retryAfterMs: error instanceof OtherFile ? 0 : undefined });
    }
  };
  try {
    await withRetries(round, { policy, signal, onRetry });
  } catch (error) {
    throwIfAborted(signal);
    throw typed(error, url);
  }
}

function typed(error: unknown, url: string): unknown {
  if (error instanceof SvgT2IError) return error;
  if (!(error instanceof Transient || error instanceof OtherFile)) return error;
  return new SvgT2IError('ERR_SVGT2I_FETCH', `cannot fetch ${withoutSecrets(url)}: ${firstLine(error)}`, {
    hint: 'What has come is kept: run it again to go on from there. Behind a proxy set HTTPS_PROXY.',
    cause: error,
  });
}

/** Where the bytes lie, once a redirect has told. */
interface Place {
  url: string;
}

async function fetchPieces(options: RangesOptions): Promise<void> {
  const { part, connections, pieceBytes = PIECE_BYTES, url } = options;
  const pieces = [...part.missing(pieceBytes)];
  const all = linkedController(options.signal);
  setMaxListeners(0, all.signal);
  const place: Place = { url };
  const errors: unknown[] = [];
  const work = async () => {
    for (let piece = pieces.shift(); piece !== undefined; piece = pieces.shift()) {
      await fetchPiece(piece, place, { ...options, signal: all.signal });
    }
  };
  try {
    const workers = Array.from({ length: Math.min(connections, pieces.length) }, () =>
      work().catch((error: unknown) => {
        // The first is the reason; the others end because of it.
        errors.push(error);
        all.end();
      }),
    );
    await Promise.all(workers);
  } finally {
    all.end();
    await part.note();
  }
  if (errors.length > 0) throw errors[0];
}

async function fetchPiece(piece: Span, place: Place, options: RangesOptions): Promise<void> {
  const { policy, signal, onRetry } = options;
  let at = piece.start;
  await withRetries(
    async (progressed) => {
      while (at < piece.end) {
        const before = at;
        try {
          await receive({ start: at, end: piece.end }, place, options, (bytes) => {
            at += bytes;
          });
        } finally {
          if (at > before) progressed();
        }
        if (at === before) throw new Transient('the server sent nothing');
      }
    },
    { policy, signal, onRetry },
  );
}

async function receive(
  span: Span,
  place: Place,
  options: RangesOptions,
  onReceived: (bytes: number) => void,
): Promise<void> {
  const { http, part, signal, onBytes, url } = options;
  const isWhole = span.start === 0 && span.end === part.size;
  const asked = place.url;
  const answer = await http.send(asked, {
    headers: isWhole ? {} : { range: `bytes=${span.start}-${span.end - 1}` },
    signal,
  });
  try {
    await checkAnswer(answer, span, isWhole, options).catch((error: unknown) => {
      // A signed address has run out: the first one gives a new one.
      if (error instanceof Expired && place.url === asked) place.url = url;
      throw error;
    });
    if (place.url === url) place.url = answer.url;
    let at = span.start;
    const end = answer.status === 200 ? part.size : span.end;
    for await (const bytes of received(answer.body, signal)) {
      if (at + bytes.length > end) throw wrongSize(url, part.size, 'more');
      await part.write(bytes, at);
      at += bytes.length;
      onReceived(bytes.length);
      options.onReceived?.(bytes.length);
      onBytes?.(part.bytes);
    }
  } finally {
    answer.body.destroy();
  }
}

/** What comes, and why it ends: only that of the network, so that what is done with it fails by its own name. */
async function* received(body: Answer['body'], signal: AbortSignal | undefined): AsyncGenerator<Buffer> {
  try {
    yield* body as AsyncIterable<Buffer>;
  } catch (error) {
    throwIfAborted(signal);
    throw new Transient(`the connection was cut: ${whatFailed(error)}`, { cause: error });
  }
}

async function checkAnswer(
  answer: Answer,
  span: Span,
  isWhole: boolean,
  { part, url, refusal }: RangesOptions,
): Promise<void> {
  const { status, headers } = answer;
  if (status === 200 || status === 206) refusePacked(answer);
  if (status === 206) {
    const range = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(headers['content-range'] ?? '');
    if (range === null || Number(range[1]) !== span.start || Number(range[2]) >= span.end)
      throw new NoRanges('the server sent another range than it was asked for');
    if (range[3] !== '*' && Number(range[3]) !== part.size) throw wrongSize(url, part.size, range[3] ?? '');
    return;
  }
  if (status === 200) {
    const length = headers['content-length'];
    if (length !== undefined && Number(length) !== part.size) throw wrongSize(url, part.size, length);
    if (!isWhole) throw new NoRanges('the server knows no ranges');
    return;
  }
  if (status === 416) {
    const size = /^bytes \*\/(\d+)$/.exec(headers['content-range'] ?? '')?.[1];
    if (size !== undefined && Number(size) !== part.size) throw wrongSize(url, part.size, size);
    throw new OtherFile('the server has no such range (HTTP 416)');
  }
  const busy = transientStatus(status, headers, new URL(answer.url).host);
  if (busy !== undefined) throw busy;
  // Only the first host knows who may read; of the others an address may be too old.
  const { host } = new URL(answer.url);
  if (host !== new URL(url).host) throw new Expired(`${host} answers HTTP ${status}`);
  const text = await Http.text(answer);
  throw (
    refusal?.(answer, text) ??
    new SvgT2IError('ERR_SVGT2I_FETCH', `cannot fetch ${withoutSecrets(url)}: HTTP ${status}`)
  );
}

function wrongSize(url: string, expected: number, actual: string): SvgT2IError {
  return new SvgT2IError(
    'ERR_SVGT2I_FETCH',
    `cannot fetch ${withoutSecrets(url)}: it should have ${expected} bytes, the server sends ${actual}`,
    { hint: 'The server or something in between is not to be trusted; try another HF_ENDPOINT or network.' },
  );
}
