import { cpSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { goldenFolder } from '../unit/golden.js';
import { run } from './cli.js';

function cases(...names: string[]): string {
  const root = mkdtempSync(join(tmpdir(), 'svg-t2i-cases-'));
  for (const name of names) cpSync(goldenFolder(name), join(root, name), { recursive: true });
  return root;
}

describe('svg-t2i selftest', () => {
  it('prints exactly one JSON object', async () => {
    const { code, stdout, stderr } = await run([
      'selftest',
      '--cases',
      cases('data-sampler', 'crop-buckets'),
      '--json',
    ]);
    expect([code, stderr]).toEqual([0, '']);
    const rows = [
      ['crop-buckets', 'image_preprocess'],
      ['data-sampler', 'data_sampler'],
    ].map(([name, module]) => ({
      name,
      module,
      status: 'passed',
      maxError: 0,
      tolerance: null,
      message: '',
    }));
    expect(stdout.toString()).toBe(`${JSON.stringify({ passed: 2, failed: 0, notRun: 0, cases: rows })}\n`);
  });

  it('prints a table and leaves with 1 where a case fails', async () => {
    const root = cases('data-sampler');
    mkdirSync(join(root, 'broken'));
    writeFileSync(join(root, 'broken', 'case.json'), '{');
    const { code, stdout } = await run(['selftest', '--cases', root]);
    expect(code).toBe(1);
    const lines = stdout.toString().trimEnd().split('\n');
    expect(lines[0]).toMatch(/^case +module +status +largest error +tolerance$/);
    expect(lines[1]).toMatch(/^broken +- +failed/);
    expect(lines[2]).toMatch(/^data-sampler +data_sampler +passed +0 +exact$/);
    expect(lines.at(-2)).toMatch(/^broken: .*case\.json is no JSON/);
    expect(lines.at(-1)).toBe('1 passed, 1 failed, 0 not run');
  });

  it("draws the original's pictures from a release's folder, and not with the cap that it leaves out", async () => {
    const root = cases('pipeline-release-layout');
    const selftest = () => run(['selftest', '--cases', root, '--json']);
    expect(await selftest()).toMatchObject({ code: 0 });
    const file = join(root, 'pipeline-release-layout', 'case.json');
    const spec = JSON.parse(readFileSync(file, 'utf8')) as object;
    writeFileSync(file, JSON.stringify({ ...spec, attention_soft_cap: true }));
    // With a cap low enough to show.
    const gemma = join(root, 'pipeline-release-layout', 'pre-trained', 'gemma-2-2b', 'config.json');
    const config = JSON.parse(readFileSync(gemma, 'utf8')) as object;
    writeFileSync(gemma, JSON.stringify({ ...config, attn_logit_softcapping: 0.5 }));
    expect(await selftest()).toMatchObject({ code: 1 });
  });

  it('says what is missing', async () => {
    const nowhere = await run(['selftest', '--cases', '/nowhere']);
    expect(nowhere).toMatchObject({ code: 1, stderr: expect.stringMatching(/no such file or folder/) });
    const root = cases('lpips');
    const device = async (name: string) => run(['selftest', '--cases', root, '--device', name]);
    expect(await device('cuda:77')).toMatchObject({
      code: 3,
      stderr: expect.stringMatching(/DEVICE_UNAVAILABLE/),
    });
    expect(await device('gpu')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/use cpu, cuda or cuda:N/),
    });
  });
});

describe('svg-t2i info', () => {
  it('prints the parameters of a picture', async () => {
    const { encodeImage } = await import('../../dist/image/encode.js');
    const { rgbImage } = await import('../../dist/image/rgb-image.js');
    const path = join(cases(), 'out.webp');
    const parameters = { prompt: '写实\u001b[2J', seed: 7, size: [16, 16] };
    writeFileSync(
      path,
      await encodeImage(rgbImage(2, 2, new Uint8Array(12)), { format: 'webp', parameters }),
    );
    const json = await run(['info', path, '--json']);
    expect(JSON.parse(json.stdout.toString())).toEqual(parameters);
    const text = await run(['info', path]);
    // What would steer the terminal is escaped.
    expect(text.stdout.toString()).toBe('prompt  "写实\\u001b[2J"\nseed    7\nsize    [16,16]\n');
  });

  it('says so where there are none', async () => {
    const png = join(goldenFolder('image-preprocess'), '5_rgb_64x64.png');
    const { code, stderr } = await run(['info', png]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/carries no parameters of svg-t2i/);
    expect(await run(['info', '/nowhere.png'])).toMatchObject({ code: 1 });
  });
});
