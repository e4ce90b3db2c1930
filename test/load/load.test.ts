// A small load against a real server: nothing is lost, answered twice or left behind. `npm run test:load` is the large one.
import { afterEach, it } from 'vitest';
import { expectCleanEnd, expectNothingLeft, expectNothingLost } from './checks.js';
import { loadTest } from './load.js';
import { MALFORMED } from './malformed.js';
import { planned } from './plan.js';
import { type Served, serveProcess } from './served.js';

let served: Served | undefined;
afterEach(() => served?.kill());

const REQUESTS = 60;
const TOGETHER = 20;

it('answers every request once with what it asked for, and is then as it was', async () => {
  const keep = ['--keep-seconds', '2', '--stall-seconds', '2', '--drain-seconds', '60'];
  served = await serveProcess(['--threads', '1', '--dtype', 'fp32', '--trust-proxy', ...keep]);
  const report = await loadTest(served, {
    requests: planned({ requests: REQUESTS, clients: 5, seed: 1 }),
    ...{ malformed: MALFORMED, malformedEach: 1, together: TOGETHER, keepSeconds: 2, warmUp: TOGETHER },
  });
  expectNothingLost(report, REQUESTS);
  expectNothingLeft(report);
  await expectCleanEnd(served);
});
