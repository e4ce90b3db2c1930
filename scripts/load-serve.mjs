// Load on a server of this clone with the embedded model: many requests at a time, a third of them given up at random
// moments, malformed ones between. None may be lost or answered twice, memory comes back, the event loop stays free.
// npm run load [-- REQUESTS AT_A_TIME]
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const [requests = 500, atATime = 50] = process.argv.slice(2).map(Number);
const MALFORMED_EACH = 20;
const KEEP_SECONDS = 2;
const LIMITS = { growth: 1.1, loopSeconds: 0.02 };
const MALFORMED = [
  '',
  '{',
  '[]',
  '{"prompt":7}',
  '{"prompt":"a","n":0}',
  '{"prompt":"a","size":"60x64"}',
  '\u0000',
  '{"prompt":"a","stepz":1}',
];

const main = join(import.meta.dirname, '../dist/cli/main.js');
const flags = ['--port', '0', '--log', 'json', '--keep-seconds', `${KEEP_SECONDS}`, '--max-queue', '30'];
const server = spawn(process.execPath, [main, 'serve', ...flags], { stdio: ['ignore', 'ignore', 'pipe'] });
process.once('exit', () => server.kill('SIGKILL'));
/** Request id -> lines of the log. */
const logged = new Map();
const url = await new Promise((resolve, reject) => {
  createInterface({ input: server.stderr }).on('line', (line) => {
    const { id, msg } = JSON.parse(line);
    if (id !== undefined) logged.set(id, (logged.get(id) ?? 0) + 1);
    const found = /^listening at (.*)$/.exec(msg)?.[1];
    if (found !== undefined) resolve(found);
  });
  server.once('close', () => reject(new Error('the server ended')));
});
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
while ((await fetch(`${url}/ready`)).status !== 200) await pause(100);

const counts = { drawn: 0, aborted: 0, refused: 0, malformed: 0, lost: 0 };
const sent = [];

/** Asks under an id of its own, by which the log tells of it. */
function ask(path, init) {
  const id = `load-${sent.length}`;
  sent.push(id);
  return fetch(`${url}${path}`, { ...init, headers: { 'x-request-id': id } });
}

async function malformed(body) {
  const answer = await ask('/v1/jobs', { method: 'POST', body });
  const { error } = await answer.json();
  if (answer.status !== 400 || typeof error.message !== 'string') counts.lost++;
  else counts.malformed++;
}

/** One request, as a job that is listened to or as OpenAI's clients ask; 429 is obeyed. */
async function draw(number) {
  const isGivenUp = number % 3 === 0;
  const body = JSON.stringify({
    prompt: 'a red circle',
    num_inference_steps: 2 + (number % 9),
    n: 1 + (number % 2),
  });
  const signal = isGivenUp
    ? AbortSignal.timeout(Math.floor(Math.random() * 1500))
    : AbortSignal.timeout(600_000);
  try {
    for (;;) {
      const answer = await (number % 2 === 0 ? drawOpenAi(body, signal) : drawJob(body, signal));
      if (answer !== 429) return void (answer === 'drawn' ? counts.drawn++ : counts.lost++);
      counts.refused++;
    }
  } catch (error) {
    if (isGivenUp && signal.aborted) counts.aborted++;
    else {
      counts.lost++;
      console.error(`request ${number}: ${error}`);
    }
  }
}

async function drawOpenAi(body, signal) {
  const answer = await ask('/v1/images/generations', { method: 'POST', body, signal });
  if (answer.status === 429) return obey(answer);
  const { data } = await answer.json();
  return data?.length === JSON.parse(body).n ? 'drawn' : answer.status;
}

async function drawJob(body, signal) {
  const answer = await ask('/v1/jobs', { method: 'POST', body, signal });
  if (answer.status === 429) return obey(answer);
  const { id } = await answer.json();
  try {
    const text = await (await ask(`/v1/jobs/${id}/events`, { signal })).text();
    const pictures = text.match(/^event: image$/gm)?.length;
    return pictures === JSON.parse(body).n && text.includes('event: done') ? 'drawn' : 'unfinished';
  } finally {
    if (signal.aborted) await ask(`/v1/jobs/${id}`, { method: 'DELETE' });
  }
}

async function obey(answer) {
  await answer.arrayBuffer();
  await pause(Number(answer.headers.get('retry-after-ms')));
  return 429;
}

async function gauge(name) {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
}

async function inTurns(tasks) {
  const left = [...tasks];
  const worker = async () => {
    for (let task = left.shift(); task !== undefined; task = left.shift()) await task();
  };
  await Promise.all(Array.from({ length: atATime }, worker));
}

const load = (count) => Array.from({ length: count }, (_, number) => () => draw(number));
await inTurns(load(Math.ceil(requests / 5)));
await pause(1000 * KEEP_SECONDS + 1000);
const before = await gauge('svgt2i_resident_bytes');
await gauge('svgt2i_event_loop_p99_seconds');
const wrong = MALFORMED.flatMap((body) =>
  Array.from({ length: MALFORMED_EACH }, () => () => malformed(body)),
);
const start = performance.now();
await inTurns([...load(requests), ...wrong].sort(() => Math.random() - 0.5));
const seconds = (performance.now() - start) / 1000;
const loopSeconds = await gauge('svgt2i_event_loop_p99_seconds');
await pause(1000 * KEEP_SECONDS + 1000);
const [after, running, queued] = await Promise.all(
  ['svgt2i_resident_bytes', 'svgt2i_batch_pictures', 'svgt2i_queued_jobs'].map(gauge),
);
server.kill('SIGTERM');
const exitCode = await new Promise((resolve) => server.once('close', resolve));
const twice = [...logged.values()].filter((lines) => lines !== 1).length;
const silent = sent.filter((id) => !logged.has(id)).length;
console.log(
  JSON.stringify({ ...counts, seconds: Math.round(seconds), twice, silent, running, queued, exitCode }),
);
console.log(
  `memory ${(before / 1e6).toFixed(0)} -> ${(after / 1e6).toFixed(0)} MB, event loop p99 ${(1000 * loopSeconds).toFixed(1)} ms`,
);
const problems = [
  [counts.lost > 0, `${counts.lost} requests were lost`],
  [twice > 0, `${twice} requests were answered twice`],
  [running + queued > 0, 'something is still drawn'],
  [exitCode !== 0, `the server ended with ${exitCode}`],
  [after > LIMITS.growth * before, 'memory did not come back'],
  [loopSeconds > LIMITS.loopSeconds, 'the event loop was held up (is the machine idle?)'],
].filter(([isProblem]) => isProblem);
for (const [, problem] of problems) console.error(problem);
process.exitCode = problems.length === 0 ? 0 : 1;
