/** Worker threads: they start whatever Node.js was started with, and one that ends leaves nobody waiting. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import threads, { Worker } from 'node:worker_threads';
import sharp from 'sharp';
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { ImagePool } from '../../dist/data/image-pool.js';
import { openTokenizer } from '../../dist/text/open-tokenizer.js';
import { threadError } from '../../dist/threads.js';
import { goldenFolder } from './golden.js';

let folder: string;
const large = () => join(folder, 'tokenizer.json');
const picture = () => join(folder, 'picture.png');
const buckets = [{ width: 32, height: 32 }];

/** Threads of the package that this test started. */
const started: Worker[] = [];
/** Called once one has started, before it can have done anything. */
let onStart: ((worker: Worker) => void) | undefined;
class SeenWorker extends Worker {
  constructor(...args: ConstructorParameters<typeof Worker>) {
    super(...args);
    started.push(this);
    const seen = onStart;
    if (seen !== undefined) queueMicrotask(() => seen(this));
  }
}

beforeAll(async () => {
  threads.Worker = SeenWorker;
  syncBuiltinESMExports();
  folder = mkdtempSync(join(tmpdir(), 'svg-threads-'));
  const json = JSON.parse(readFileSync(join(goldenFolder('tokenizer'), 'tokenizer.json'), 'utf8'));
  for (let i = 0; i < 60_000; i++) json.model.vocab[`\u2581unheard-of-${i}`] = 100_000 + i;
  writeFileSync(large(), JSON.stringify(json));
  await sharp({ create: { width: 32, height: 32, channels: 3, background: 'red' } }).toFile(picture());
});
beforeEach(() => {
  started.length = 0;
  onStart = undefined;
});
afterAll(() => {
  threads.Worker = Worker;
  syncBuiltinESMExports();
  rmSync(folder, { recursive: true });
});

const module = (name: string) => JSON.stringify(pathToFileURL(join('dist', name)).href);

/** Opens both kinds of threads, and prints what they answer or why they do not. */
const script = () => `
import { ImagePool } from ${module('data/image-pool.js')};
import { openTokenizer } from ${module('text/open-tokenizer.js')};
const told = (error) => ({ code: error.code, message: error.message, hint: error.hint });
const pictureOf = async () => {
  const pool = new ImagePool(1);
  return (await pool.prepare(${JSON.stringify(picture())}, ${JSON.stringify(buckets)})).width;
};
const tokensOf = async () => (await (await openTokenizer(${JSON.stringify(large())})).encode(['A red circle']))[0].ids.length;
console.log(JSON.stringify([await pictureOf().catch(told), await tokensOf().catch(told)]));
`;

/** What a Node.js process of these options prints of a script on its stdin. */
function answersOf(...options: readonly string[]): unknown {
  const { stdout, stderr } = spawnSync(process.execPath, options, { input: script(), encoding: 'utf8' });
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout);
}

it('start from a script on the command line or on stdin', () => {
  const expected = [32, expect.any(Number)];
  expect(answersOf('--input-type=module')).toEqual(expected);
  expect(answersOf('--input-type=module', '-e', script())).toEqual(expected);
  // What was preloaded is preloaded in them, too.
  const hook = join(folder, 'hook.cjs');
  const mark = join(folder, 'mark');
  writeFileSync(hook, `require('node:fs').appendFileSync(${JSON.stringify(mark)}, 'x');`);
  const file = join(folder, 'script.mjs');
  writeFileSync(file, script());
  expect(answersOf('--require', hook, file)).toEqual(expected);
  expect(readFileSync(mark, 'utf8')).toBe('xxx');
});

it('that may not start are told of with the fix', () => {
  const flag = ['--permission', '--experimental-permission'].find((name) =>
    process.allowedNodeEnvironmentFlags.has(name),
  );
  const refused = {
    code: 'ERR_SVGT2I_IO',
    message: expect.stringMatching(
      /^(a thread that reads pictures|the thread of the tokenizer) may not be started: /,
    ),
    hint: expect.stringContaining('--allow-worker'),
  };
  expect(answersOf(flag ?? '', '--allow-fs-read=*', '--input-type=module')).toEqual([refused, refused]);
});

it('of a tokenizer that end leave nobody waiting, also who asks later', async () => {
  const tokenizer = await openTokenizer(large());
  const ended = { code: 'ERR_SVGT2I_INTERNAL', message: 'the thread of the tokenizer ended with code 1' };
  const termination = started[0]?.terminate();
  await expect(tokenizer.encode(['a'])).rejects.toMatchObject(ended);
  await termination;
  await expect(tokenizer.encode(['a'])).rejects.toMatchObject(ended);
  await expect(tokenizer.decode([1])).rejects.toMatchObject(ended);
  await tokenizer.dispose();
});

it('of a tokenizer keep the reason that came first', async () => {
  const tokenizer = await openTokenizer(large());
  const [thread] = started;
  const memory = Object.assign(new Error('limit reached'), { code: 'ERR_WORKER_OUT_OF_MEMORY' });
  const fault = { code: 'ERR_SVGT2I_OUT_OF_MEMORY', cause: memory };
  const asked = expect(tokenizer.encode(['a'])).rejects.toMatchObject(fault);
  thread?.emit('error', memory);
  await thread?.terminate();
  await asked;
  await expect(tokenizer.encode(['a'])).rejects.toMatchObject(fault);
  await tokenizer.dispose();
});

it('of a tokenizer whose answer cannot be read are ended', async () => {
  const tokenizer = await openTokenizer(large());
  const [thread] = started;
  const exited = new Promise((resolve) => thread?.once('exit', resolve));
  const fault = {
    code: 'ERR_SVGT2I_INTERNAL',
    message: 'the thread of the tokenizer failed: it cannot be read',
  };
  const asked = expect(tokenizer.encode(['a'])).rejects.toMatchObject(fault);
  thread?.emit('messageerror', new Error('it cannot be read'));
  await asked;
  await exited;
  await expect(tokenizer.encode(['a'])).rejects.toMatchObject(fault);
  await tokenizer.dispose();
});

it('of pictures that end leave nobody waiting, also who asks later', async () => {
  await using pool = new ImagePool(1);
  const ended = {
    code: 'ERR_SVGT2I_INTERNAL',
    message: expect.stringMatching(/^a thread that reads pictures ended with code \d$/),
  };
  const termination = started[0]?.terminate();
  await expect(pool.prepare(picture(), buckets)).rejects.toMatchObject(ended);
  await termination;
  await expect(pool.prepare(picture(), buckets)).rejects.toMatchObject(ended);
  await pool.dispose();
  await expect(pool.prepare(picture(), buckets)).rejects.toMatchObject({ code: 'ERR_SVGT2I_DISPOSED' });
});

it('are told of in typed errors', () => {
  const coded = (code: string) => Object.assign(new Error('pthread_create'), { code });
  expect(threadError(coded('ERR_WORKER_INIT_FAILED'), 'a thread')).toMatchObject({
    code: 'ERR_SVGT2I_OUT_OF_MEMORY',
    hint: expect.stringContaining('ulimit -u'),
  });
  expect(threadError(new TypeError('x is no function'), 'a thread')).toMatchObject({
    code: 'ERR_SVGT2I_INTERNAL',
    message: 'a thread failed: x is no function',
  });
});

it('of a tokenizer that is still being opened end with the signal', async () => {
  const controller = new AbortController();
  const reason = new Error('enough');
  const exited = new Promise((resolve) => {
    onStart = (worker) => {
      worker.once('exit', resolve);
      controller.abort(reason);
    };
  });
  await expect(openTokenizer(large(), { signal: controller.signal })).rejects.toBe(reason);
  await exited;
  onStart = undefined;
  // One that is open does not listen any more.
  const later = new AbortController();
  const tokenizer = await openTokenizer(large(), { signal: later.signal });
  later.abort(reason);
  expect(await tokenizer.encode(['a'])).toHaveLength(1);
  await tokenizer.dispose();
  await expect(openTokenizer(large(), { signal: later.signal })).rejects.toBe(reason);
});

it('of a tokenizer name their owner once they were disposed of', async () => {
  const tokenizer = await openTokenizer(large(), { owner: 'The pipeline' });
  await tokenizer.dispose();
  await expect(tokenizer.encode(['a'])).rejects.toThrow('The pipeline was disposed');
});

it('keep the process alive until they have ended, whatever answer still comes', async () => {
  const tokenizer = await openTokenizer(large());
  const pool = new ImagePool(1);
  const [ofTokens, ofPictures] = started;
  const encoded = tokenizer.encode(['two']);
  const prepared = pool.prepare(picture(), buckets);
  const ends = [pool.dispose(), tokenizer.dispose()];
  const unrefs = [ofPictures, ofTokens].map((thread) => vi.spyOn(thread as Worker, 'unref'));
  ofPictures?.emit('message', { id: 0, width: 1, height: 1, data: new Uint8Array(3) });
  ofTokens?.emit('message', { id: 0, encoded: [] });
  expect(unrefs.map(({ mock }) => mock.calls.length)).toEqual([0, 0]);
  await expect(prepared).rejects.toMatchObject({ code: 'ERR_SVGT2I_DISPOSED' });
  await expect(encoded).rejects.toMatchObject({ code: 'ERR_SVGT2I_DISPOSED' });
  await Promise.all(ends);
});
