// Files that leave to flags what is required, and those that may not.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { z } from 'zod';
import { requireValues } from '../../lib/cli/missing-values.js';
import { loadConfig } from '../../lib/config/load.js';

const folder = mkdtempSync(join(tmpdir(), 'svg-t2i-partial-'));
afterAll(() => rmSync(folder, { recursive: true }));

const schema = z.strictObject({
  part: z.strictObject({ from: z.string(), to: z.string(), count: z.number().default(3) }),
});
const keys = (isFilePartial: boolean) => ({ paths: [], names: [], environment: {}, isFilePartial });

function written(text: string): string {
  const path = join(folder, 'part.yaml');
  writeFileSync(path, text);
  return path;
}

it('takes the rest from flags where a file may be partial', async () => {
  const file = written('part: { to: there, count: 5 }');
  const flags = { part: { from: 'here' } };
  expect(await loadConfig(schema, { file, flags, keys: keys(true) })).toEqual({
    part: { from: 'here', to: 'there', count: 5 },
  });
  const missing = `${file}: part.from: must be a text, got nothing`;
  await expect(loadConfig(schema, { file, flags, keys: keys(false) })).rejects.toThrow(missing);
  await expect(loadConfig(schema, { file, keys: keys(true) })).rejects.toThrow(
    /^part\.from: must be a text, got nothing$/,
  );
});

it('says of a partial file what is wrong with what is there', async () => {
  const file = written('part: { count: many }');
  await expect(loadConfig(schema, { file, keys: keys(true) })).rejects.toThrow(
    `${file}: part.count: must be a number, got "many"`,
  );
  const unknown = written('part: { form: here }');
  await expect(loadConfig(schema, { file: unknown, keys: keys(true) })).rejects.toThrow(
    `${unknown}: unknown key "part.form", did you mean "from"?`,
  );
});

it('names what is missing as one types it', async () => {
  const names = { from: 'FROM', to: '--to' };
  const sources = { keys: keys(true) };
  await expect(requireValues(schema, sources, 'part', names)).rejects.toThrow('FROM, --to are missing');
  const flags = { part: { from: 'here' } };
  await expect(requireValues(schema, { ...sources, flags }, 'part', names)).rejects.toMatchObject({
    code: 'ERR_SVGT2I_USAGE',
    message: '--to is missing',
  });
  const both = { part: { from: 'here', to: 'there' } };
  await expect(requireValues(schema, { ...sources, flags: both }, 'part', names)).resolves.toBeUndefined();
});
