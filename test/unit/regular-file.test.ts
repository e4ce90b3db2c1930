import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../lib/config/load.js';
import { readOptionalFile } from '../../lib/config/optional-file.js';
import { sampleConfigSchema } from '../../lib/config/sample.js';
import { MAX_YAML_BYTES, parseYaml } from '../../lib/config/yaml.js';
import { PictureList } from '../../lib/data/picture-list.js';
import { hashFile } from '../../lib/files.js';
import { readFileBounded } from '../../lib/image/decode.js';
import { openRegular, readText, readTextSync } from '../../lib/regular-file.js';
import { readAutoencoderConfig } from '../../lib/release/autoencoder-config.js';
import { readDitConfig } from '../../lib/release/dit-config.js';
import { readDefaultsFile } from '../../lib/release/model-defaults.js';
import { readSafetensors } from '../../lib/selftest/safetensors.js';
import { readSceneList } from '../../lib/shapes/manifest.js';
import { readPromptFile } from '../../lib/text/prompt-file.js';
import { loadTokenizer } from '../../lib/text/tokenizer.js';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'svg-t2i-regular-'));
  for (const name of ['pipe', 'defaults.yaml', 'model_args.json', 'tokenizer.json'])
    execFileSync('mkfifo', [join(folder, name)]);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const pipe = () => join(folder, 'pipe');

describe('a named pipe is refused at once by', () => {
  it.each<[string, () => unknown]>([
    ['a list of prompts', () => readPromptFile(pipe())],
    ['a configuration', () => loadConfig(sampleConfigSchema, { file: pipe() })],
    ['a data list', () => PictureList.open(pipe())],
    ['a list of scenes', () => readSceneList(pipe())],
    ['a picture', () => readFileBounded(pipe())],
    ['a hash', () => hashFile(pipe())],
    ['a golden case', () => readSafetensors(pipe())],
    ["an autoencoder's yaml", async () => readAutoencoderConfig(pipe())],
    ["a release's defaults", async () => readDefaultsFile(folder)],
    ["a transformer's dimensions", async () => readDitConfig(join(folder, 'x.pth'))],
    ['a tokenizer', () => loadTokenizer(folder)],
  ])('%s', async (_, read) => {
    await expect(read()).rejects.toMatchObject({
      code: 'ERR_SVGT2I_FILE_FORMAT',
      message: expect.stringContaining('is a named pipe, not a regular file') as unknown,
    });
  });
});

it('folders, devices and sockets are named', async () => {
  await expect(openRegular(folder)).rejects.toThrow('is a folder');
  await expect(openRegular('/dev/zero')).rejects.toThrow('is a device');
  const socket = join(folder, 'socket');
  const server = createServer().listen(socket);
  await new Promise((resolve) => server.once('listening', resolve));
  await expect(readText(socket, { maxBytes: 10 })).rejects.toThrow('is a socket');
  expect(() => readTextSync(socket, { maxBytes: 10 })).toThrow('is a socket');
  server.close();
  await expect(openRegular(join(folder, 'gone'))).rejects.toMatchObject({
    code: 'ERR_SVGT2I_FILE_NOT_FOUND',
  });
});

it('a pipe that the shell passed is read, within the limit', () => {
  const script = `
    import { readText } from '${new URL('../../dist/regular-file.js', import.meta.url)}';
    const limits = { maxBytes: 10, allowPassedPipe: true };
    process.stdout.write(await readText('/dev/stdin', limits).catch((error) => error.code));
  `;
  const run = (input: string) =>
    execFileSync('bash', [
      '-c',
      `printf ${input} | "$0" --input-type=module -e "$1"`,
      process.execPath,
      script,
    ]).toString();
  expect(run('a-prompt')).toBe('a-prompt');
  expect(run('far-more-than-that')).toBe('ERR_SVGT2I_FILE_FORMAT');
});

it('sizes are limited', async () => {
  const path = join(folder, 'ten');
  writeFileSync(path, '0123456789');
  expect(await readText(path, { maxBytes: 10 })).toBe('0123456789');
  await expect(readText(path, { maxBytes: 9 })).rejects.toMatchObject({ code: 'ERR_SVGT2I_FILE_FORMAT' });
  expect(() => readTextSync(path, { maxBytes: 9 })).toThrow('more than the 9 bytes');
  expect(readOptionalFile(join(folder, 'gone'), JSON.parse)).toBeUndefined();
});

describe('parseYaml', () => {
  it.each([
    ['a: 1', { a: 1 }],
    ['', null],
    ['{a: [1, x]}', { a: [1, 'x'] }],
    ['a:\n  b:\n    - c:\n        d: [[[[{e: 1}]]]]', { a: { b: [{ c: { d: [[[[{ e: 1 }]]]] } }] } }],
  ])('%j', (text, value) => {
    expect(parseYaml(text, 'f.yaml')).toEqual(value);
  });

  it.each<[string, () => string, string]>([
    ['too long', () => `# ${'x'.repeat(MAX_YAML_BYTES)}`, 'has more than 64 KB'],
    ['deep lists', () => '['.repeat(MAX_YAML_BYTES - 10), 'nested too deep'],
    ['deep blocks', () => '- '.repeat(30_000), 'nested too deep'],
    ['deep keys', () => '? '.repeat(30_000), 'nested too deep'],
    ['a syntax error', () => 'a: [1', 'f.yaml: '],
    ['a bomb of aliases', bomb, 'f.yaml: '],
  ])('refuses %s', (_, text, message) => {
    expect(() => parseYaml(text(), 'f.yaml')).toThrowError(
      expect.objectContaining({
        code: 'ERR_SVGT2I_INVALID_CONFIG',
        message: expect.stringContaining(message) as unknown,
      }),
    );
  });

  it('a configuration file above the limit is refused by its name', async () => {
    const path = join(folder, 'large.yaml');
    writeFileSync(path, `# ${'x'.repeat(MAX_YAML_BYTES)}\n`);
    await expect(loadConfig(sampleConfigSchema, { file: path })).rejects.toMatchObject({
      code: 'ERR_SVGT2I_INVALID_CONFIG',
      message: `${path}: has more than 64 KB, too much for a configuration`,
    });
  });
});

function bomb(): string {
  const lines = ['a0: &a0 [x, x]'];
  for (let i = 1; i < 30; i++) lines.push(`a${i}: &a${i} [${`*a${i - 1}, `.repeat(9)}]`);
  return lines.join('\n');
}
