/** Bodies as clients write them: JSON under any type, and forms with pictures. */
import { Hono } from 'hono';
import { describe, expect, it } from 'vitest';
import type { ServeEnv } from '../../../lib/serve/context.js';
import { apiErrorOf } from '../../../lib/serve/errors.js';
import { readFields } from '../../../lib/serve/fields.js';
import { editUnsupported, picturesOf } from '../../../lib/serve/openai/edits.js';
import { PNG } from '../../clients/pictures.js';

const app = new Hono<ServeEnv>();
app.onError((error, c) => c.json(apiErrorOf(error).body(), apiErrorOf(error).status as 400));
app.post('/fields', async (c) => {
  const { fields, files } = await readFields(c, 10_000);
  return c.json({ fields, files: files.map(({ field, bytes }) => [field, bytes.length]) });
});
app.post('/edit', async (c) => {
  throw editUnsupported('m', picturesOf(await readFields(c, 10_000)));
});

async function send(
  path: string,
  body: string | Uint8Array<ArrayBuffer> | FormData | undefined,
  type?: string,
) {
  const headers = type === undefined ? {} : { 'content-type': type };
  const answer = await app.request(path, {
    method: 'POST',
    headers,
    ...(body === undefined ? {} : { body }),
  });
  return (await answer.json()) as {
    readonly fields?: object;
    readonly files?: unknown;
    readonly error?: { readonly message: string; readonly code: string };
  };
}

const FORM = 'application/x-www-form-urlencoded';
const crlf = (lines: readonly string[]) => `${lines.join('\r\n')}\r\n`;

describe('readFields', () => {
  it.each([
    ['application/json', '{"prompt":"a"}'],
    ['application/json; charset=utf-8', ' \n{"prompt":"a"}'],
    [FORM, '{"prompt":"a"}'],
    ['text/plain', '{"prompt":"a"}'],
    ['application/json', '\ufeff{"prompt":"a"}'],
    [FORM, 'prompt=a'],
  ])('takes %s: %j', async (type, body) => {
    expect(await send('/fields', body, type)).toEqual({ fields: { prompt: 'a' }, files: [] });
  });

  it('takes a form of a field that is repeated, files of all ways to write a name, and a short boundary', async () => {
    const body = crlf([
      '--b',
      'Content-Disposition: form-data; name="prompt"',
      '',
      'ein Fuchs \u00e4',
      '--b',
      'Content-Disposition: form-data; name="image[]"; filename="blob"',
      'Content-Type: application/octet-stream',
      '',
      'abc',
      '--b',
      'Content-Disposition: form-data; name="image[]"; filename="b \\"q\\".png"',
      '',
      'abcd',
      '--b',
      "Content-Disposition: form-data; name=image; filename*=utf-8''f%C3%BC.png",
      '',
      'abcde',
      '--b--',
    ]);
    expect(await send('/fields', body, 'multipart/form-data; boundary=b')).toEqual({
      fields: { prompt: 'ein Fuchs \u00e4' },
      files: [
        ['image[]', 3],
        ['image[]', 4],
        ['image', 5],
      ],
    });
  });

  it.each([
    ['', undefined, 'invalid_json', 'the body is empty'],
    ['prompt', undefined, 'invalid_json', 'the body is no JSON'],
    ['[1]', undefined, 'invalid_json', 'no JSON object'],
    ['null', undefined, 'invalid_json', 'no JSON object'],
    ['--x', 'multipart/form-data; boundary=b', 'invalid_form', 'the form cannot be read'],
    ['abc', 'multipart/form-data', 'invalid_form', 'the form cannot be read'],
    [`{"prompt":"${'x'.repeat(10_000)}"}`, undefined, 'body_too_large', '10000 bytes'],
  ])('refuses %j of type %s', async (body, type, code, message) => {
    const { error } = await send('/fields', body, type ?? 'application/json');
    expect(error).toMatchObject({ code, message: expect.stringContaining(message) });
  });

  it('refuses what is no UTF-8', async () => {
    const { error } = await send('/fields', new Uint8Array([0x7b, 0xff, 0x7d]), 'application/json');
    expect(error).toMatchObject({ code: 'invalid_json', message: expect.stringContaining('no UTF-8') });
  });
});

describe('an edit', () => {
  const form = (...files: readonly (readonly [string, Uint8Array<ArrayBuffer>])[]) => {
    const data = new FormData();
    data.append('prompt', 'a hat');
    for (const [name, bytes] of files) data.append(name, new Blob([bytes]), 'blob');
    return data;
  };
  const png = new Uint8Array(PNG);

  it.each([
    ['image', 'the picture (png)'],
    ['image[]', 'the picture (png)'],
    ['image[0]', 'the picture (png)'],
  ])('finds a picture in the field %s', async (name, text) => {
    const { error } = await send('/edit', form([name, png]));
    expect(error).toMatchObject({ code: 'unsupported', message: expect.stringContaining(text) });
  });

  it('finds several, and the mask in any place', async () => {
    const { error } = await send('/edit', form(['mask', png], ['image', png], ['image', png]));
    expect(error?.message).toContain('the 2 pictures (png, png) or the mask');
  });

  it('misses a picture, and knows what is none', async () => {
    expect((await send('/edit', form())).error).toMatchObject({ code: 'missing_required_parameter' });
    const text = new TextEncoder().encode('<svg xmlns="x"/>');
    expect((await send('/edit', form(['image', text]))).error).toMatchObject({
      code: 'invalid_image',
      message: 'image: is no picture but an SVG drawing',
    });
  });
});
