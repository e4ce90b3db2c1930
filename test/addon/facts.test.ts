/** lib/facts.ts holds what the engine says of itself, and nothing else does. */
import { expect, it } from 'vitest';
import {
  ENCODER_SOURCES,
  encoderChannels,
  encoderKind,
  encoderModelSchema,
} from '../../dist/config/encoder-model.js';
import { Engine } from '../../dist/engine.js';
import * as facts from '../../dist/facts.js';
import type { JobKind } from '../../dist/native/jobs.js';
import { factsOf } from '../../scripts/write-facts.mjs';

type Kinds = (typeof facts.JOB_KINDS)[number];
/** Only what is assignable to it compiles: the engine's jobs are those that are typed, each way. */
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;

it('are what a configuration knows of encoders', async () => {
  await using engine = await Engine.create();
  const { encoders } = (await engine.run('catalogue', {})).value;
  expect(Object.keys(ENCODER_SOURCES).sort()).toEqual(encoders.map(({ name }) => name).sort());
  for (const { name, presets } of encoders) {
    for (const [arch, channels] of Object.entries(presets)) {
      const encoder = encoderModelSchema.parse({ arch });
      expect([arch, encoderKind(encoder), encoderChannels(encoder)]).toEqual([arch, name, channels]);
    }
  }
});

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
