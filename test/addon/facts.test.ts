/** lib/facts.ts holds what the engine says of itself, and nothing else does. */
import { expect, it } from 'vitest';
import {
  ENCODER_SOURCES,
  encoderChannels,
  encoderKind,
  encoderModelSchema,
} from '../../dist/config/encoder-model.js';
import { autoencoderTrainingSchema } from '../../dist/config/train-autoencoder.js';
import { ditTrainingSchema } from '../../dist/config/train-dit.js';
import { Engine } from '../../dist/engine.js';
import * as facts from '../../dist/facts.js';
import type { JobKind } from '../../dist/native/jobs.js';
import { DIT_KINDS } from '../../dist/release/dit-kind.js';
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

it('are what a configuration knows of transformers and decoders', async () => {
  await using engine = await Engine.create();
  const { velocityModels, decoders, losses } = (await engine.run('catalogue', {})).value;
  const data = { sets: [{ path: 'pictures' }], resolution: 256 };
  const trained = (model: object) =>
    ditTrainingSchema.safeParse({ model, data, steps: 1, batch: { global: 1 } });
  for (const { name, condition, canTrain, presets } of velocityModels) {
    expect(DIT_KINDS[name as keyof typeof DIT_KINDS]).toMatchObject({ name, condition });
    for (const [preset, dimensions] of Object.entries(presets)) {
      const { success, data: config } = trained({ kind: name, preset });
      expect([name, success]).toEqual([name, canTrain]);
      if (config === undefined) continue;
      const known = Object.entries(config.model).filter(([key]) => key in dimensions);
      expect(dimensions).toMatchObject(Object.fromEntries(known));
      expect(known.length).toBeGreaterThan(6);
    }
  }
  const { steps, batch } = { steps: 1, batch: { global: 1 } };
  const autoencoder = (model: object, loss: object = {}) =>
    autoencoderTrainingSchema.parse({ model, loss, data, steps, batch, encoder: { train: true } });
  for (const kind of ['conv', 'hunyuan']) {
    const usual = decoders.find(({ name }) => name === kind)?.usual;
    const { kind: _, ...decoder } = { kind, ...autoencoder({ decoder: { kind } }).model.decoder };
    expect(usual).toMatchObject(decoder);
  }
  for (const pixel of losses.pixel) expect(autoencoder({}, { pixel }).loss.pixel).toBe(pixel);
  for (const discLoss of losses.discLoss) expect(autoencoder({}, { discLoss }).loss.discLoss).toBe(discLoss);
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
