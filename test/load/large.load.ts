// The large load, by `npm run test:load`: 500 requests, 50 at a time. It wants a machine with nothing else to do.
import { Agent } from 'undici';
import { afterEach, expect, it } from 'vitest';
import { expectCleanEnd, expectNothingLeft, expectNothingLost } from './checks.js';
import { loadTest } from './load.js';
import { KEYLESS, MALFORMED } from './malformed.js';
import { planned } from './plan.js';
import { table } from './report.js';
import { type Served, serveProcess } from './served.js';

let served: Served | undefined;
afterEach(() => served?.kill());

const REQUESTS = 500;
const TOGETHER = 50;
const MALFORMED_EACH = 20;
const MOST_LATE_SECONDS = 0.02;
const keep = ['--keep-seconds', '5', '--stall-seconds', '5', '--drain-seconds', '60'];

it('answers 500 requests, 50 at a time, and is then as it was', async () => {
  served = await serveProcess(['--trust-proxy', ...keep]);
  const report = await loadTest(served, {
    requests: planned({ requests: REQUESTS, clients: 8, seed: 1 }),
    ...{
      malformed: MALFORMED,
      malformedEach: MALFORMED_EACH,
      together: TOGETHER,
      keepSeconds: 5,
      warmUp: 300,
    },
  });
  console.log(table(report));
  expectNothingLost(report, REQUESTS);
  expectNothingLeft(report);
  expect(report.loopP99).toBeLessThan(MOST_LATE_SECONDS);
  await expectCleanEnd(served);
});

it('refuses callers without a key, malformed or not, and draws nothing for them', async () => {
  served = await serveProcess(['--api-key', 'k'.repeat(16), ...keep]);
  const target = { ...served, dispatcher: new Agent() };
  for (const { name, answer, send } of KEYLESS) {
    const answers = await Promise.all(Array.from({ length: MALFORMED_EACH }, () => send(target)));
    expect(answers, name).toEqual(answers.map(() => expect.stringMatching(answer)));
  }
  await target.dispatcher.close();
  await expectCleanEnd(served);
});
