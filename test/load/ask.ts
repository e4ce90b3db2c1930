/** Asks the server for what was planned, in each of its ways, and says what came of it. */
import { type Dispatcher, request } from 'undici';
import { readParameters } from '../../dist/image/parameters.js';
import type { Planned } from './plan.js';

/** What one request came to. */
export interface Outcome {
  readonly planned: Planned;
  /** `left`: given up before its end, and ended so; `early`: it had ended before it was given up. */
  readonly end: 'done' | 'left' | 'early';
  /** Of the native API. */
  readonly job: string | undefined;
  /** Until its end, however it ended. */
  readonly seconds: number;
  /** What is not as it was asked for; empty where all is right. */
  readonly wrong: readonly string[];
}

export interface Caller {
  readonly url: string;
  readonly dispatcher: Dispatcher;
  /** Seconds that a request takes about: what moments of giving up are a share of. */
  readonly usualSeconds: number;
}

interface Picture {
  readonly index: number;
  readonly bytes: Uint8Array;
}

/** What an end brought: pictures, unless it was given up; and the ends that were told, of which there must be one. */
interface Answer {
  readonly ends: readonly string[];
  readonly pictures: readonly Picture[];
  readonly job?: string;
}

const POLL_MS = 30;

export async function ask(planned: Planned, caller: Caller): Promise<Outcome> {
  const start = performance.now();
  const asking = new Asking(planned, caller);
  const answer = await ways[planned.way](planned, asking).finally(() => asking.end());
  const seconds = (performance.now() - start) / 1000;
  const { job, ends, pictures } = answer;
  const told = { planned, job, seconds };
  if (ends.length !== 1)
    return { ...told, end: 'done', wrong: [`ended ${ends.length} times: ${ends.join()}`] };
  if (ends[0] === 'cancelled') {
    const wrong = planned.giveUpAt === undefined ? ['was cancelled by nobody'] : [];
    return { ...told, end: 'left', wrong };
  }
  if (ends[0] !== 'done') return { ...told, end: 'done', wrong: [`ended as ${ends[0]}`] };
  const wrong = await wrongIn(planned, pictures);
  return { ...told, end: planned.giveUpAt === undefined ? 'done' : 'early', wrong };
}

/** The pictures must be those that were asked for, by what they carry and what they are. */
async function wrongIn(planned: Planned, pictures: readonly Picture[]): Promise<readonly string[]> {
  const { number, width, height, steps, pictures: count } = planned;
  const indices = pictures.map(({ index }) => index).sort((a, b) => a - b);
  const wanted = Array.from({ length: count }, (_, i) => i);
  if (indices.join() !== wanted.join()) return [`has pictures ${indices.join()}, not ${wanted.join()}`];
  const wrong: string[] = [];
  for (const { index, bytes } of pictures) {
    const carried = await readParameters(bytes);
    const expected = { seed: number + index, width, height, steps, prompt: promptOf(planned) };
    for (const [key, value] of Object.entries(expected)) {
      if (carried?.[key] !== value)
        wrong.push(`${key} of picture ${index} is ${carried?.[key]}, not ${value}`);
    }
  }
  return wrong;
}

function promptOf({ number }: Planned): string {
  return `a ${number % 20 === 0 ? 'red' : 'blue'} circle`;
}

/** One request on its way. */
class Asking {
  /** Aborted when it is given up. */
  readonly leave = new AbortController();
  readonly #planned: Planned;
  readonly #caller: Caller;
  #timer: NodeJS.Timeout | undefined;

  constructor(planned: Planned, caller: Caller) {
    this.#planned = planned;
    this.#caller = caller;
  }

  get body() {
    const { number, pictures, width, height, steps, format } = this.#planned;
    return {
      ...{ prompt: promptOf(this.#planned), seed: number, n: pictures, size: `${width}x${height}` },
      ...{ num_inference_steps: steps, output_format: format },
    };
  }

  /** From now on its time runs. */
  begin(): void {
    const { giveUpAt } = this.#planned;
    if (giveUpAt === undefined) return;
    this.#timer = setTimeout(() => this.leave.abort(), 1000 * giveUpAt * this.#caller.usualSeconds);
  }

  /** What has ended is given up no more. */
  end(): void {
    clearTimeout(this.#timer);
  }

  async send(
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    options: { readonly body?: object; readonly signal?: AbortSignal } = {},
  ): Promise<Dispatcher.ResponseData> {
    const { url, dispatcher } = this.#caller;
    const { body, signal } = options;
    const answer = await request(`${url}${path}`, {
      ...{ method, dispatcher, signal: signal ?? null },
      headers: { 'content-type': 'application/json', 'x-forwarded-for': this.#planned.client },
      body: body === undefined ? null : JSON.stringify(body),
    });
    if (answer.statusCode < 300) return answer;
    throw new Error(`${method} ${path} was answered ${answer.statusCode}: ${await answer.body.text()}`);
  }

  async json<Value>(method: 'GET' | 'POST' | 'DELETE', path: string, body?: object): Promise<Value> {
    return (await (await this.send(method, path, body === undefined ? {} : { body })).body.json()) as Value;
  }
}

interface JobJson {
  readonly id: string;
  readonly status: string;
  readonly images: readonly { readonly index: number; readonly url: string }[];
}

const ways: Readonly<Record<Planned['way'], (planned: Planned, asking: Asking) => Promise<Answer>>> = {
  /** Listens to a job; one that is given up is cancelled while its events are read on. */
  events: async (_, asking) => {
    const { id } = await asking.json<JobJson>('POST', '/v1/jobs', asking.body);
    asking.begin();
    const cancelled = onAbort(asking.leave.signal, () => asking.json('DELETE', `/v1/jobs/${id}`));
    const events = await readEvents(await asking.send('GET', `/v1/jobs/${id}/events`));
    asking.end();
    await cancelled.settled();
    const ends = events.map(({ type }) => type).filter((type) => /^(done|failed|cancelled)$/.test(type));
    return { job: id, ends, pictures: events.filter(({ type }) => type === 'image').map(pictureOf) };
  },
  /** Looks at a job now and then, and fetches its pictures. */
  poll: async (_, asking) => {
    const { id } = await asking.json<JobJson>('POST', '/v1/jobs', asking.body);
    asking.begin();
    const cancelled = onAbort(asking.leave.signal, () => asking.json('DELETE', `/v1/jobs/${id}`));
    let job = await asking.json<JobJson>('GET', `/v1/jobs/${id}`);
    while (job.status === 'queued' || job.status === 'running') {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      job = await asking.json<JobJson>('GET', `/v1/jobs/${id}`);
    }
    asking.end();
    await cancelled.settled();
    const pictures = job.images.map(async ({ index, url }) => {
      const { body } = await asking.send('GET', url);
      return { index, bytes: new Uint8Array(await body.arrayBuffer()) };
    });
    return { job: id, ends: [job.status], pictures: await Promise.all(pictures) };
  },
  /** Waits for OpenAI's answer; gives up by hanging up. */
  images: (_, asking) =>
    unlessLeft(asking, async (signal) => {
      const body = { ...asking.body, response_format: 'b64_json' };
      const answer = await asking.send('POST', '/v1/images/generations', { body, signal });
      const { data } = (await answer.body.json()) as { readonly data: readonly { b64_json: string }[] };
      return { ends: ['done'], pictures: data.map((each, index) => pictureOf({ ...each, index })) };
    }),
  /** The same as a stream, whose completed pictures come one by one. */
  'images-stream': (planned, asking) =>
    unlessLeft(asking, async (signal) => {
      const body = { ...asking.body, stream: true };
      const events = await readEvents(await asking.send('POST', '/v1/images/generations', { body, signal }));
      const completed = events.filter(({ type }) => type === 'image_generation.completed');
      const pictures = await Promise.all(completed.map((event) => numbered(planned, event)));
      return { ends: completed.length === planned.pictures ? ['done'] : [], pictures };
    }),
};

/** OpenAI's events do not say which picture of the request they hold: its seed does. */
async function numbered({ number }: Planned, event: EventData): Promise<Picture> {
  const { bytes } = pictureOf(event);
  return { index: Number((await readParameters(bytes))?.seed) - number, bytes };
}

async function unlessLeft(asking: Asking, work: (signal: AbortSignal) => Promise<Answer>): Promise<Answer> {
  const { signal } = asking.leave;
  asking.begin();
  try {
    return await work(signal);
  } catch (error) {
    if (signal.aborted) return { ends: ['cancelled'], pictures: [] };
    throw error;
  }
}

/** Does something once when a signal is aborted; `settled` waits for it where it was begun. */
function onAbort(signal: AbortSignal, work: () => Promise<unknown>) {
  let begun: Promise<unknown> | undefined;
  signal.addEventListener('abort', () => {
    begun = work();
    // Whoever waits for it hears of it.
    begun.catch(() => undefined);
  });
  return { settled: () => begun };
}

interface EventData {
  readonly type: string;
  readonly index?: number;
  readonly b64_json?: string;
}

async function readEvents({ body }: Dispatcher.ResponseData): Promise<readonly EventData[]> {
  const lines = (await body.text()).split('\n').filter((line) => line.startsWith('data: {'));
  return lines.map((line) => JSON.parse(line.slice('data: '.length)) as EventData);
}

function pictureOf({ index, b64_json: text }: Partial<EventData>): Picture {
  return { index: index ?? 0, bytes: Buffer.from(text ?? '', 'base64') };
}
