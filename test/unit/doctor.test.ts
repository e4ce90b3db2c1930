/** What the doctor says of an addon, by what the process printed that tried it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { libtorchFinding, probeAddon } from '../../lib/doctor/native.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'svg-doctor-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Findings of a probe that prints these lines, then does this. */
function findings(lines: readonly object[], end = '', limit?: number) {
  const script = join(folder, 'probe.mjs');
  const prints = lines.map((line) => `writeSync(1, ${JSON.stringify(`${JSON.stringify(line)}\n`)});`);
  writeFileSync(script, [`import { writeSync } from 'node:fs';`, ...prints, end].join('\n'));
  return probeAddon('a.node', script, limit);
}

const info = {
  torch: '2.13.0',
  cpuCapability: 'AVX2',
  ...{ cpuBf16: false, cpuInt8: 'vnni', cudaBuild: true, cudaDevices: 1 },
};
const loads = {
  name: 'addon',
  status: 'ok',
  detail: expect.stringContaining('CUDA build, 1 GPU(s) (a.node)'),
};
const precision = {
  name: 'precision',
  status: 'ok',
  detail: expect.stringContaining('--dtype int8 takes less than half'),
};
const die = "process.kill(process.pid, 'SIGABRT'); await new Promise(() => setInterval(() => {}, 1000));";
const hang = 'setInterval(() => {}, 1000);';

it('it loads, and its kernels are right, wrong, not there, or of no GPU that can be used', () => {
  const report = (...faults: readonly string[]) => findings([info, { report: { operations: 8, faults } }]);
  expect(report()).toMatchObject([loads, precision, { name: 'kernels', status: 'ok' }]);
  expect(report('swiglu is off')).toMatchObject([
    loads,
    precision,
    { name: 'kernels', status: 'warn', detail: 'swiglu is off' },
  ]);
  expect(findings([info, { failure: 'the driver is too old' }])).toMatchObject([
    loads,
    precision,
    { name: 'kernels', status: 'warn', detail: 'the driver is too old', fix: expect.stringContaining('cpu') },
  ]);
  expect(findings([{ ...info, cudaBuild: false }, {}])).toMatchObject([
    { status: 'ok', detail: expect.stringContaining('CPU build') },
    precision,
  ]);
});

it('it loads, whatever becomes of its kernels', () => {
  expect(findings([info], die)).toMatchObject([
    loads,
    precision,
    { name: 'kernels', status: 'warn', detail: expect.stringContaining('died of SIGABRT') },
  ]);
  expect(findings([info], hang, 10_000)).toMatchObject([
    loads,
    precision,
    { name: 'kernels', status: 'warn', detail: expect.stringContaining('took longer than 10 s') },
  ]);
});

it('it does not load', () => {
  const broken = (detail: string) => [
    { name: 'addon', status: 'fail', detail: expect.stringContaining(detail) },
  ];
  expect(findings([], "console.error('no symbol\\nx'); process.exit(1)")).toMatchObject(
    broken('load: no symbol'),
  );
  expect(findings([], die)).toMatchObject(broken('died of SIGABRT'));
  expect(findings([], hang, 1000)).toMatchObject(broken('took longer than 1 s'));
});

it('it loads and works, and its process does not end as it should', () => {
  expect(findings([info, {}], die)).toMatchObject([
    loads,
    precision,
    { name: 'addon', status: 'warn', detail: expect.stringContaining('died of SIGABRT') },
  ]);
});

it('a GPU is used with its kernels, without them, or not at all; a build is asked for only where no binary fits', () => {
  const finding = (addon: string, libtorch: string, gpu: string | undefined) => {
    const files = { addon: 'a.node', loaderFolder: '', build: { torch: '2.13.0', flavour: addon } };
    const pair = { files, libtorch: { dir: '/lib', version: '2.13.0', flavour: libtorch } };
    return libtorchFinding(pair, ['cpu', 'cu130'], gpu);
  };
  const fine = { status: 'ok' };
  expect(finding('cpu', 'cpu', undefined)).toMatchObject(fine);
  expect(finding('cpu', 'cpu', 'cpu')).toMatchObject(fine);
  expect(finding('cu130', 'cu130', 'cu130')).toMatchObject(fine);
  expect(finding('cu130', 'cu130', undefined)).toMatchObject(fine);
  const install = 'Run `npx svg-t2i install --cuda auto`';
  const unused = expect.stringContaining('there is a GPU');
  expect(finding('cpu', 'cpu', 'cu130')).toMatchObject({ detail: unused, fix: `${install}.` });
  expect(finding('cpu', 'cpu', 'cu128')).toMatchObject({
    detail: unused,
    fix: `${install}, then \`npx svg-t2i build\`.`,
  });
  const plain = expect.stringContaining('no fused kernels');
  expect(finding('cpu', 'cu128', 'cu128')).toMatchObject({
    detail: plain,
    fix: expect.stringContaining('npx svg-t2i build'),
  });
  expect(finding('cpu', 'cu128', 'cu130')).toMatchObject({
    detail: plain,
    fix: 'Run `npx svg-t2i install --cuda cu130`.',
  });
});
