/** The description of the server's API in OpenAPI 3.1, made of the schemas that check requests. */
import { z } from 'zod';
import { PACKAGE_VERSION } from '../../version.js';
import { COMPONENTS, type ComponentName } from './components.js';
import { type Answer, OPERATIONS, type Operation } from './operations.js';

const DESCRIPTION =
  "OpenAI's image API, jobs with live events, and the part of AUTOMATIC1111's API that chat programs draw with.";

const ERROR_TITLES: Readonly<Record<number, string>> = {
  400: 'the request is wrong',
  401: 'a key is missing or wrong',
  404: 'there is none of that name',
  413: 'the body is too large',
  422: 'this cannot be drawn, however often it is asked for',
  429: 'too many wait; Retry-After says how long',
  503: 'models are being loaded, or the server stops',
};

const ref = (name: ComponentName) => ({ $ref: `#/components/schemas/${name}` });

/**
 * The whole document.
 *
 * @param needsKey whether callers must send a key
 */
export function openapiDocument({ needsKey }: { readonly needsKey: boolean }) {
  return {
    openapi: '3.1.0',
    info: {
      title: 'svg-t2i serve',
      version: PACKAGE_VERSION,
      description: DESCRIPTION,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    paths: Object.fromEntries(
      Object.entries(OPERATIONS).map(([path, methods]) => [
        path,
        Object.fromEntries(
          Object.entries(methods).map(([method, operation]) => [
            method,
            described(path, operation, needsKey),
          ]),
        ),
      ]),
    ),
    components: {
      schemas: Object.fromEntries(
        Object.entries(COMPONENTS).map(([name, { schema, io }]) => [name, jsonSchema(schema, io)]),
      ),
      ...(needsKey ? { securitySchemes: { key: { type: 'http', scheme: 'bearer' } } } : {}),
    },
    ...(needsKey ? { security: [{ key: [] }] } : {}),
  };
}

function described(path: string, operation: Operation, needsKey: boolean) {
  const { id, tag, summary, body, form, answers, errors, open } = operation;
  return {
    operationId: id,
    tags: [tag],
    summary,
    ...parametersOf(path, operation),
    ...(body === undefined
      ? {}
      : { requestBody: { required: true, content: { 'application/json': { schema: ref(body) } } } }),
    ...(form === true
      ? { requestBody: { content: { 'multipart/form-data': { schema: { type: 'object' } } } } }
      : {}),
    responses: {
      ...Object.fromEntries(Object.entries(answers).map(([status, answer]) => [status, response(answer)])),
      ...Object.fromEntries(errors.map((status) => [status, errorResponse(status)])),
    },
    ...(needsKey && open === true ? { security: [] } : {}),
  };
}

function parametersOf(path: string, { query, headers }: Operation) {
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
  const parameters = [...inPath, ...optional('query', query), ...optional('header', headers)];
  return parameters.length === 0 ? {} : { parameters };
}

function optional(place: 'query' | 'header', described: Readonly<Record<string, string>> = {}) {
  return Object.entries(described).map(([name, description]) => ({
    name,
    in: place,
    description,
    schema: { type: 'string' },
  }));
}

function response({ description, json, events, type }: Answer) {
  const content = {
    ...(json === undefined ? {} : { 'application/json': { schema: ref(json) } }),
    ...(events === undefined ? {} : { 'text/event-stream': { schema: ref(events) } }),
    ...(type === undefined ? {} : { [type]: {} }),
  };
  return { description, ...(Object.keys(content).length === 0 ? {} : { content }) };
}

function errorResponse(status: number) {
  return {
    description: ERROR_TITLES[status] ?? 'an error',
    content: { 'application/json': { schema: ref('Error') } },
  };
}

/** OpenAPI 3.1 takes JSON Schema as it is, but for the mark of the draft in each of them. */
function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): object {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io });
  return rest;
}
