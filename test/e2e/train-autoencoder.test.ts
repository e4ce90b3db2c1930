// `svg-t2i train autoencoder` from nothing: a whole run, resuming bit for bit, and the export it ends with.
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { run } from './cli.js';
import { autoencoderArgs, lossesOf, makeWorkshop, stateOf, type Workshop } from './training.js';

let workshop: Workshop;
beforeAll(async () => {
  workshop = await makeWorkshop();
  const whole = await run(autoencoderArgs(workshop, 'whole'));
  expect([whole.code, whole.stderr]).toEqual([0, expect.stringContaining('step 8/8')]);
});
afterAll(() => rmSync(workshop.folder, { recursive: true }));

const inRun = (...path: readonly string[]) => join(workshop.folder, ...path);

it('lowers the loss, and leaves grids of reconstructions and an export', () => {
  const losses = lossesOf(workshop, 'whole').map(([, { rec }]) => rec);
  expect(losses).toHaveLength(8);
  expect(losses[7]).toBeLessThan(losses[0] ?? 0);
  expect(readdirSync(inRun('whole', 'samples')).filter((name) => name.endsWith('.png'))).toHaveLength(2);
  expect(existsSync(inRun('whole', 'export', 'autoencoder'))).toBe(true);
});

it('stopped by Ctrl-C saves, and resumed gives the same bits', async () => {
  let asked = false;
  const stopped = await run(autoencoderArgs(workshop, 'stopped'), {
    watch: (child, _, stderr) => {
      if (asked || !stderr.includes('step 2/8')) return;
      asked = true;
      child.kill('SIGINT');
    },
  });
  expect(stopped.code).toBe(130);
  const resumed = await run(['train', 'autoencoder', '--run', inRun('stopped'), '--resume']);
  expect([resumed.code, resumed.stderr]).toEqual([0, expect.stringContaining('going on after step')]);
  expect(stateOf(workshop, 'stopped', 8).equals(stateOf(workshop, 'whole', 8))).toBe(true);
});

it('begins with an exported one, its encoder as it is', async () => {
  const start = ['--set', `initFrom={"path": "${inRun('whole')}"}`, '--set', 'steps=1'];
  const begun = await run(autoencoderArgs(workshop, 'begun', ...start, '--set', 'encoder.train=false'));
  expect([begun.code, begun.stderr]).toEqual([0, expect.not.stringContaining('initFrom')]);
  // Its checkpoints hold what was trained alone; the encoder comes from where it came from.
  const exported = await run(['export', inRun('begun'), '--out', inRun('again')]);
  expect([exported.code, exported.stderr]).toEqual([0, '']);
  const checkpoint = join('autoencoder', 'svg_autoencoder-P-begun.ckpt');
  const bytes = (...folder: readonly string[]) => readFileSync(inRun(...folder, checkpoint));
  expect(bytes('again').equals(bytes('begun', 'export'))).toBe(true);
});
