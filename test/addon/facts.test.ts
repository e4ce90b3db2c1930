/** lib/facts.ts holds what the engine says of itself, and nothing else does. */
import { expect, it } from 'vitest';
import { Engine } from '../../dist/engine.js';
import * as facts from '../../dist/facts.js';
import type { JobKind } from '../../dist/native/jobs.js';
import { factsOf } from '../../scripts/write-facts.mjs';

type Kinds = (typeof facts.JOB_KINDS)[number];
/** Only what is assignable to it compiles: the engine's jobs are those that are typed, each way. */
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;

it('are up to date (npm run facts)', async () => {
  await using engine = await Engine.create();
  const { value } = await engine.run('catalogue', {});
  const wanted = Object.entries(factsOf(value)).map(([name, fact]) => [name, fact.value]);
  expect({ ...facts }).toEqual(Object.fromEntries(wanted));
});

it('name the jobs that are typed', () => {
  const same: Same<Kinds, JobKind> = true;
  expect(same).toBe(true);
});
