/** /openapi.json is a document of OpenAPI 3.1, names every route, and the real answers are as it says. */
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createApp } from '../../lib/serve/app.js';
import type { ServeContext } from '../../lib/serve/context.js';
import { ModelSet } from '../../lib/serve/models.js';
import { KeyRing } from '../../lib/serve/security/keys.js';
import { settingsOf } from '../unit/serve/fake-drawer.js';
import { type Served, served } from './served.js';

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}
interface Operation {
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema?: object }>> }>
  >;
}

let server: Served;
let document: Document;

beforeAll(async () => {
  server = await served();
  document = (await (await fetch(`${server.url}/openapi.json`)).json()) as Document;
});
afterAll(async () => {
  await server.close();
});

it('is valid', async () => {
  const { valid, errors } = await new Validator().validate(structuredClone(document) as never);
  expect(errors ?? []).toEqual([]);
  expect(valid).toBe(true);
});

it('names every route but those of the page', () => {
  const settings = settingsOf();
  const context = { settings, models: new ModelSet([]), needsKey: false } as unknown as ServeContext;
  const { routes } = createApp(context, new KeyRing([]));
  const own = routes.filter(({ method, path }) => method !== 'ALL' && !/^\/($|page\/|favicon)/.test(path));
  const named = own.map(({ method, path }) => {
    const template = path.replace(/:(\w+)(\{[^}]*\})?/g, '{$1}');
    return [path, document.paths[template]?.[method.toLowerCase()] !== undefined];
  });
  expect(named.filter(([, isNamed]) => !isNamed)).toEqual([]);
  const operations = Object.values(document.paths).flatMap((methods) => Object.keys(methods));
  expect(operations.length).toBe(new Set(own.map(({ method, path }) => `${method} ${path}`)).size);
});

it('has no schema that takes anything', () => {
  for (const [name, schema] of Object.entries(document.components.schemas)) {
    expect([name, Object.keys(schema).length > 0]).toEqual([name, true]);
  }
});

/** Holds one answer against the schema of its route and status. */
async function check(route: string, method: string, answer: Response): Promise<unknown> {
  const operation = document.paths[route]?.[method];
  const response = operation?.responses[answer.status];
  if (response === undefined) throw new Error(`${method} ${route} says nothing of status ${answer.status}`);
  const type = (answer.headers.get('content-type') ?? '').split(';')[0] ?? '';
  if (response.content === undefined) return expect(await answer.text()).toBe('');
  const entry = response.content[type] ?? response.content['image/*'];
  if (entry === undefined) throw new Error(`${method} ${route} says nothing of ${type}`);
  if (entry.schema === undefined) return undefined;
  const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false });
  const validate = ajv.compile({ ...entry.schema, components: document.components });
  const values =
    type === 'text/event-stream'
      ? [...(await answer.text()).matchAll(/^data: (.*)$/gm)].map(
          ([, data = '']) => JSON.parse(data) as unknown,
        )
      : [await answer.json()];
  expect(values.length).toBeGreaterThan(0);
  for (const value of values) {
    validate(value);
    expect([route, validate.errors ?? []]).toEqual([route, []]);
  }
  return values[0];
}

const ask = (path: string, body?: object, method = body === undefined ? 'GET' : 'POST') =>
  fetch(server.url + path, { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });

it('says what is answered, by OpenAI and by jobs', async () => {
  const draw = { prompt: 'a red fox', partial_images: 1 };
  await check('/v1/images/generations', 'post', await ask('/v1/images/generations', draw));
  const byUrl = { ...draw, response_format: 'url', quality: 'low' };
  await check('/v1/images/generations', 'post', await ask('/v1/images/generations', byUrl));
  await check(
    '/v1/images/generations',
    'post',
    await ask('/v1/images/generations', { ...draw, stream: true }),
  );
  await check('/v1/images/generations', 'post', await ask('/v1/images/generations', { prompt: 7 }));
  await check('/v1/images/edits', 'post', await ask('/v1/images/edits', { image: 'x' }));
  await check('/v1/models', 'get', await ask('/v1/models'));
  await check('/v1/models/{id}', 'get', await ask('/v1/models/squares'));
  await check('/v1/models/{id}', 'get', await ask('/v1/models/circles'));
  await check('/v1/capabilities', 'get', await ask('/v1/capabilities'));
  const { id } = (await check('/v1/jobs', 'post', await ask('/v1/jobs', draw))) as { readonly id: string };
  await check('/v1/jobs/{id}/events', 'get', await ask(`/v1/jobs/${id}/events`));
  await check('/v1/jobs/{id}', 'get', await ask(`/v1/jobs/${id}`));
  await check('/v1/jobs/{id}', 'delete', await ask(`/v1/jobs/${id}`, undefined, 'DELETE'));
  await check('/v1/jobs', 'get', await ask('/v1/jobs'));
  await check('/v1/jobs/{id}/images/{index}', 'get', await ask(`/v1/jobs/${id}/images/0`));
  await check('/v1/jobs/{id}/images/{index}', 'get', await ask(`/v1/jobs/${id}/images/7`));
  for (const path of ['/health', '/ready', '/metrics', '/openapi.json'])
    await check(path, 'get', await ask(path));
});

it('names every path of A1111 that is answered', async () => {
  const gets = Object.entries(document.paths).filter(([path, { get }]) => path.startsWith('/sdapi') && get);
  expect(gets.length).toBe(8);
  for (const [path] of gets) await check(path, 'get', await ask(path));
  await check('/sdapi/v1/txt2img', 'post', await ask('/sdapi/v1/txt2img', { prompt: 'a red fox' }));
  await check('/sdapi/v1/interrupt', 'post', await ask('/sdapi/v1/interrupt', {}));
  await check(
    '/sdapi/v1/options',
    'post',
    await ask('/sdapi/v1/options', { sd_model_checkpoint: 'squares' }),
  );
});
