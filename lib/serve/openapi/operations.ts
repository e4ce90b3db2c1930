/** Every route that programs call: what goes in, what comes out. */
import type { ComponentName } from './components.js';

/** What one status answers: a named schema as JSON, as the data of server-sent events, or another kind of body. */
export interface Answer {
  readonly description: string;
  readonly json?: ComponentName;
  readonly events?: ComponentName;
  readonly type?: string;
}

/** One method of one path. */
export interface Operation {
  readonly id: string;
  readonly tag: 'OpenAI' | 'Jobs' | 'Server' | 'AUTOMATIC1111';
  readonly summary: string;
  readonly body?: ComponentName;
  /** Whether the body is a form with pictures. */
  readonly form?: boolean;
  /** Parameters, all of them optional, with what they mean. */
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly answers: Readonly<Record<number, Answer>>;
  /** Statuses whose body is an error. */
  readonly errors: readonly number[];
  /** Whether it needs no key. */
  readonly open?: boolean;
}

type Paths = Readonly<Record<string, { readonly [method in 'get' | 'post' | 'delete']?: Operation }>>;

const DRAW_ERRORS = [400, 401, 404, 413, 422, 429, 503] as const;
const ANY_JSON = 'application/json';

const openai: Paths = {
  '/v1/images/generations': {
    post: {
      id: 'createImage',
      tag: 'OpenAI',
      summary: 'Draws pictures of a prompt; with stream: true it answers with events',
      body: 'ImageRequest',
      answers: { 200: { description: 'the pictures', json: 'Images', events: 'ImageStreamEvent' } },
      errors: DRAW_ERRORS,
    },
  },
  '/v1/images/edits': {
    post: {
      id: 'createImageEdit',
      tag: 'OpenAI',
      summary: 'Refused in words: models here draw from text alone',
      form: true,
      answers: {},
      errors: [400, 401, 404, 413],
    },
  },
  '/v1/images/variations': {
    post: {
      id: 'createImageVariation',
      tag: 'OpenAI',
      summary: 'Refused in words: models here draw from text alone',
      form: true,
      answers: {},
      errors: [400, 401, 404, 413],
    },
  },
  '/v1/models': {
    get: {
      id: 'listModels',
      tag: 'OpenAI',
      summary: 'The models that are served',
      answers: { 200: { description: 'the models', json: 'ModelList' } },
      errors: [401],
    },
  },
  '/v1/models/{id}': {
    get: {
      id: 'retrieveModel',
      tag: 'OpenAI',
      summary: 'One of the models that are served',
      answers: { 200: { description: 'the model', json: 'Model' } },
      errors: [401, 404],
    },
  },
};

const native: Paths = {
  '/v1/jobs': {
    post: {
      id: 'createJob',
      tag: 'Jobs',
      summary: 'Puts a request in line and answers at once',
      body: 'JobRequest',
      answers: { 202: { description: 'the job', json: 'Job' } },
      errors: DRAW_ERRORS,
    },
    get: {
      id: 'listJobs',
      tag: 'Jobs',
      summary: "The caller's jobs, the newest first",
      query: { status: 'only those with this status' },
      answers: { 200: { description: 'the jobs', json: 'JobList' } },
      errors: [400, 401],
    },
  },
  '/v1/jobs/{id}': {
    get: {
      id: 'retrieveJob',
      tag: 'Jobs',
      summary: 'How far a job is',
      answers: { 200: { description: 'the job', json: 'Job' } },
      errors: [401, 404],
    },
    delete: {
      id: 'cancelJob',
      tag: 'Jobs',
      summary: 'Cancels a job: its pictures end at their next step',
      answers: { 200: { description: 'the job', json: 'Job' } },
      errors: [401, 404],
    },
  },
  '/v1/jobs/{id}/events': {
    get: {
      id: 'jobEvents',
      tag: 'Jobs',
      summary: 'What happens to a job; goes on after Last-Event-ID',
      query: { after: 'number of the last event that was read, for callers that cannot send the header' },
      headers: { 'Last-Event-ID': 'number of the last event that was read' },
      answers: {
        200: { description: 'numbered events', events: 'JobEvent' },
        204: { description: 'all events were delivered' },
      },
      errors: [400, 401, 404],
    },
  },
  '/v1/jobs/{id}/images/{index}': {
    get: {
      id: 'jobImage',
      tag: 'Jobs',
      summary: 'A picture as a file, with its parameters inside',
      answers: { 200: { description: 'the picture', type: 'image/*' } },
      errors: [404],
      open: true,
    },
  },
  '/v1/capabilities': {
    get: {
      id: 'capabilities',
      tag: 'Server',
      summary: 'What the models, the engine and the operator allow',
      answers: { 200: { description: 'what can be asked for', json: 'Capabilities' } },
      errors: [401],
    },
  },
  '/health': {
    get: {
      id: 'health',
      tag: 'Server',
      summary: 'Whether the server is alive',
      answers: { 200: { description: 'it is', type: ANY_JSON } },
      errors: [],
      open: true,
    },
  },
  '/ready': {
    get: {
      id: 'ready',
      tag: 'Server',
      summary: 'Whether all models are loaded',
      answers: {
        200: { description: 'they are', type: ANY_JSON },
        503: { description: 'what is being loaded', type: ANY_JSON },
      },
      errors: [],
      open: true,
    },
  },
  '/metrics': {
    get: {
      id: 'metrics',
      tag: 'Server',
      summary: 'Numbers for Prometheus',
      answers: { 200: { description: 'the numbers', type: 'text/plain' } },
      errors: [401],
    },
  },
  '/openapi.json': {
    get: {
      id: 'openapi',
      tag: 'Server',
      summary: 'This document',
      answers: { 200: { description: 'the document', type: ANY_JSON } },
      errors: [401],
    },
  },
};

/** Lists that A1111's clients ask for. */
const A1111_LISTS = {
  'sd-models': 'the models',
  samplers: 'the solvers',
  schedulers: 'noise schedules: the settings choose them here',
  upscalers: 'none',
  'latent-upscale-modes': 'none',
  'sd-vae': 'none',
  progress: "how far the caller's oldest drawing is",
  options: 'which model the caller draws with',
} as const;

const a1111: Paths = {
  ...Object.fromEntries(
    Object.entries(A1111_LISTS).map(([name, summary]) => [
      `/sdapi/v1/${name}`,
      {
        get: {
          id: `a1111-${name}`,
          tag: 'AUTOMATIC1111' as const,
          summary,
          answers: { 200: { description: summary, type: ANY_JSON } },
          errors: [401],
        },
        ...(name === 'options' ? { post: setOptions() } : {}),
      },
    ]),
  ),
  '/sdapi/v1/txt2img': {
    post: {
      id: 'a1111-txt2img',
      tag: 'AUTOMATIC1111',
      summary: 'Draws pictures of a prompt',
      body: 'Txt2imgRequest',
      answers: { 200: { description: 'the pictures in base64', type: ANY_JSON } },
      errors: DRAW_ERRORS,
    },
  },
  '/sdapi/v1/interrupt': {
    post: {
      id: 'a1111-interrupt',
      tag: 'AUTOMATIC1111',
      summary: "Ends what the caller's txt2img draws",
      answers: { 200: { description: 'it ends', type: ANY_JSON } },
      errors: [401],
    },
  },
};

function setOptions(): Operation {
  return {
    id: 'a1111-set-options',
    tag: 'AUTOMATIC1111',
    summary: "Chooses the model of the caller's next pictures",
    body: 'A1111Options',
    answers: { 200: { description: 'it is chosen', type: ANY_JSON } },
    errors: [400, 401, 404],
  };
}

/** All of them, by path and method. */
export const OPERATIONS: Paths = { ...openai, ...native, ...a1111 };
