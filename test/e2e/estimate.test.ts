/** `svg-t2i estimate` as a user runs it, and what `sample` says before it loads what does not fit. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { EMBEDDED_MODEL } from '../../dist/index.js';
import { jsonLines, run } from './cli.js';

it('says what pictures take, without loading anything', async () => {
  const flags = [
    'estimate',
    '--pretrained',
    EMBEDDED_MODEL,
    '--device',
    'cpu',
    '--threads',
    '1',
    '--probe-seconds',
  ];
  const [json, text] = [
    await run([...flags, '0', '--json']),
    await run([...flags, '0.1', '--steps', '7', '--count', '3']),
  ];
  expect(json.code).toBe(0);
  expect(jsonLines(json)).toMatchObject([
    { device: 'cpu', width: 64, height: 64, evaluations: { guided: 25, single: 0 }, fits: true },
  ]);
  expect(text.code).toBe(0);
  const lines = text.stdout.toString();
  expect(lines).toMatch(
    /^transformer +NextDiT of 6 layers, width 240, 64 channels, 8\.09 million parameters$/m,
  );
  expect(lines).toMatch(/^drawn +3 picture\(s\) of 64x64, 7 velocities by dpm\+\+, 7 of them guided$/m);
  expect(lines).toMatch(/^ {2}in all +[\d.]+ MB; [\d.]+ [GM]B free: fits$/m);
  expect(lines).toMatch(/^ {2}picture +[\d.]+ m?s$/m);
});

it('refuses what it does not know, naming what it does', async () => {
  const unknown = await run(['estimate', '--model', '2C']);
  expect(unknown.code).toBe(2);
  expect(unknown.stderr).toContain('--model: must be one of 0.8B, 2B');
  const both = await run(['estimate', '--model', '2b', '--pretrained', 'x']);
  expect(both.code).toBe(2);
  expect(both.stderr).toContain('a published model and pretrained were both given');
});

it('has sample warn before it loads, and refuse what is far beyond memory', async () => {
  const out = join(mkdtempSync(join(tmpdir(), 'svg-estimate-')), 'large.png');
  const models = ['--pretrained', EMBEDDED_MODEL, '--device', 'cpu', '--dtype', 'fp32', '--threads', '1'];
  const flags = ['--size', '2048x2048', '--steps', '2', '--solver', 'euler', '-o', out];
  // Node.js and libtorch map some 1.6 GB.
  const { code, stderr } = await run(['sample', 'a red circle', ...models, ...flags], {
    mappedKilobytes: 2_600_000,
  });
  expect(stderr).toMatch(/warning: this needs about [\d.]+ GB on cpu .*, [\d.]+ [GM]B are free: /);
  expect(stderr).toMatch(
    /error: too little memory on cpu: a picture of 2048x2048 needs about [\d.]+ GB beside the weights/,
  );
  expect(stderr).toMatch(/-> Try .*--size \d+x\d+/);
  expect(code).toBe(5);
});
