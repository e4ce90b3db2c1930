/** Names of the hub in place of folders: what was fetched is used, and what was not is told with its command. */
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { loadConfig } from '../../../lib/config/load.js';
import { modelSchema } from '../../../lib/config/model.js';
import { sampleConfigSchema } from '../../../lib/config/sample.js';
import { checkWeights } from '../../../lib/doctor/weights.js';
import { SvgT2IError } from '../../../lib/errors.js';
import { findFolder } from '../../../lib/release/folder.js';
import { findStart } from '../../../lib/release/init-from.js';
import { findRelease, MODEL_PARTS } from '../../../lib/release/layout.js';
import { inspectWeights } from '../../../lib/weight-files.js';
import { DINOV3, GEMMA, pulled, SVG_T2I, temporaryFolder, userOf } from '../hub/fixtures.js';
import { COMMIT, startHub } from '../hub/loopback.js';
import { releaseFiles, writeFiles } from '../release.js';

const YAML = 'pre-trained/autoencoder/svg_autoencoder_P_stage3_1024.yaml';
const files = releaseFiles();
/** With a yaml that can be read. */
const RELEASE = {
  ...SVG_T2I,
  files: {
    ...SVG_T2I.files,
    [YAML]: files['autoencoder/svg_autoencoder_P_stage3_1024.yaml'] ?? '',
    [YAML.replace('_P_', '_R_')]: files['autoencoder/svg_autoencoder_R_stage3_1024.yaml'] ?? '',
  },
};

let cache: string;
let env: Record<string, string>;
let before: string;
beforeEach(async () => {
  const hub = await startHub([RELEASE, GEMMA, DINOV3]);
  const home = temporaryFolder();
  env = userOf(hub, home);
  cache = join(home, 'hf/hub');
  before = process.cwd();
  process.chdir(home);
  vi.stubEnv('HF_HOME', join(home, 'hf'));
  vi.stubEnv('HF_HUB_CACHE', '');
  vi.stubEnv('SVG_T2I_HOME', join(home, 'svg'));
});
afterEach(() => {
  process.chdir(before);
  vi.unstubAllEnvs();
});

const find = (options: object, parts = MODEL_PARTS) => findRelease(modelSchema.parse(options), parts);
const snapshot = (repo: string) => join(cache, `models--${repo.replace('/', '--')}/snapshots`, COMMIT);
const release = () => join(snapshot('KlingTeam/SVG-T2I'), 'pre-trained');

function refusal(work: () => unknown): SvgT2IError {
  try {
    work();
  } catch (error) {
    if (SvgT2IError.isInstance(error)) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('what was fetched', () => {
  it.each(['svg-t2i', 'KlingTeam/SVG-T2I', undefined])('is loaded by the name %s', async (pretrained) => {
    await pulled(env, { name: 'svg-t2i' });
    const layout = find(pretrained === undefined ? {} : { pretrained });
    expect(layout).toMatchObject({
      folder: release(),
      dit: join(release(), 'dit-stage4-T274M/consolidated.00-of-01.pth'),
      textEncoder: snapshot('google/gemma-2-2b'),
      statistics: join(release(), 'dinov3_s16p_layer_patchtoken_stats_dist.pt'),
      autoencoder: {
        checkpoint: join(release(), 'autoencoder/svg_autoencoder-P-stage3.ckpt'),
        encoder: undefined,
      },
    });
  });

  it('of R is the autoencoder of that name, with the encoder of its own repository', async () => {
    await pulled(env, { for: 'reconstruct' });
    await pulled(env, { name: 'svg-t2i-r' });
    expect(find({ pretrained: 'svg-t2i-r' }, ['autoencoder']).autoencoder).toMatchObject({
      checkpoint: join(release(), 'autoencoder/svg_autoencoder-R-stage3.ckpt'),
      encoder: snapshot('facebook/dinov3-vits16plus-pretrain-lvd1689m'),
    });
    expect(find({ pretrained: 'svg-t2i' }, ['autoencoder']).autoencoder?.checkpoint).toContain('-P-stage3');
  });

  it('is a part by its own name, and of a revision', async () => {
    await pulled(env, { name: 'gemma-2-2b' });
    writeFiles(
      join(env.HOME ?? '', 'own'),
      Object.fromEntries(Object.entries(files).filter(([name]) => !name.includes('gemma'))),
    );
    for (const textEncoder of ['gemma-2-2b', 'google/gemma-2-2b', `google/gemma-2-2b@${COMMIT}`, undefined]) {
      expect(find({ pretrained: 'own', ...(textEncoder && { textEncoder }) }).textEncoder).toBe(
        snapshot('google/gemma-2-2b'),
      );
    }
  });

  it('is a part by the name of a release', async () => {
    await pulled(env, { name: 'svg-t2i' });
    await pulled(env, { name: 'svg-t2i-r' });
    writeFiles(join(env.HOME ?? '', 'own'), files);
    for (const name of ['svg-t2i', 'KlingTeam/SVG-T2I', 'klingteam/svg-t2i']) {
      expect(find({ pretrained: 'own', dit: name, autoencoder: name })).toMatchObject({
        folder: join(process.cwd(), 'own'),
        dit: join(release(), 'dit-stage4-T274M/consolidated.00-of-01.pth'),
        autoencoder: { checkpoint: join(release(), 'autoencoder/svg_autoencoder-P-stage3.ckpt') },
      });
    }
    expect(find({ pretrained: 'own', autoencoder: 'svg-t2i-r' }).autoencoder?.checkpoint).toContain(
      '-R-stage3',
    );
    expect(find({ dit: 'svg-t2i' }).dit).toContain('dit-stage4-T274M');
    expect(findFolder({ pretrained: 'klingteam/svg-t2i' })).toBe(release());
  });

  it('is what training begins with', async () => {
    await pulled(env, { name: 'svg-t2i' });
    expect(findStart({ path: 'KlingTeam/SVG-T2I', weights: 'auto' }, 'dit')).toBe(
      join(release(), 'dit-stage4-T274M/consolidated.00-of-01.pth'),
    );
  });

  it('gives way to a folder of that name', async () => {
    await pulled(env, { name: 'svg-t2i' });
    mkdirSync('KlingTeam/SVG-T2I', { recursive: true });
    writeFiles('svg-t2i', files);
    expect(findFolder({ pretrained: 'KlingTeam/SVG-T2I' })).toBe(join(process.cwd(), 'KlingTeam/SVG-T2I'));
    expect(find({ pretrained: 'svg-t2i' }).textEncoder).toBe(join(process.cwd(), 'svg-t2i/gemma-2-2b'));
    writeFiles('pre-trained', files);
    expect(findFolder({})).toBe(join(process.cwd(), 'pre-trained'));
  });
});

describe('what was not fetched', () => {
  it.each([
    ['svg-t2i', 'svg-t2i pull svg-t2i'],
    ['KlingTeam/SVG-T2I', 'svg-t2i pull KlingTeam/SVG-T2I'],
    ['acme/tiny@v2', 'svg-t2i pull acme/tiny@v2'],
  ])('%s', (pretrained, command) => {
    const { code, message, hint } = refusal(() => find({ pretrained }));
    expect([code, message]).toEqual([
      'ERR_SVGT2I_WEIGHTS_MISSING',
      expect.stringContaining("is not in the hub's cache"),
    ]);
    expect(hint).toContain(`\`${command}\``);
  });

  it('of a set is told with what fetches it', async () => {
    await pulled(env, { for: 'reconstruct' });
    const { message, hint } = refusal(() => find({ pretrained: 'svg-t2i' }));
    expect(message).toMatch(/text encoder .*diffusion transformer .*statistics/);
    expect(hint).toContain('`svg-t2i pull svg-t2i` fetches what is missing');
    const encoder = refusal(() => find({ pretrained: 'svg-t2i', textEncoder: 'google/gemma-2-2b@v1' }));
    expect(encoder.hint).toContain('svg-t2i pull google/gemma-2-2b@v1');
  });

  it('of a part that an option names is told with what fetches that', async () => {
    await pulled(env, { name: 'svg-t2i' });
    for (const option of ['dit', 'weakDit', 'autoencoder', 'textEncoder']) {
      const { hint } = refusal(() => find({ pretrained: 'svg-t2i', [option]: 'acme/none' }));
      expect(hint).toContain('svg-t2i pull acme/none');
      expect(hint).not.toContain('svg-t2i pull svg-t2i');
    }
  });

  it.each([
    [['textEncoder'], 'svg-t2i', 'svg-t2i pull svg-t2i'],
    [['autoencoder'], 'svg-t2i', 'svg-t2i pull svg-t2i --for reconstruct'],
    [['autoencoder', 'textEncoder'], 'svg-t2i', 'svg-t2i pull svg-t2i'],
    [['autoencoder'], 'svg-t2i-r', 'svg-t2i pull svg-t2i-r'],
    [['textEncoder'], 'svg-t2i-r', 'svg-t2i pull svg-t2i-r --for training'],
  ] as const)('%j of %s is fetched by %s', async (parts, pretrained, command) => {
    await pulled(env, { include: ['*.pt'] });
    expect(refusal(() => find({ pretrained }, [...parts])).hint).toContain(`\`${command}\` fetches`);
  });

  it('may be a path that was mistyped: the places are told as well', () => {
    const { message, hint } = refusal(() => find({ pretrained: 'weights/pretraned' }));
    expect(message).toContain(
      `no pre-trained folder: looked for ${join(process.cwd(), 'weights/pretraned')}`,
    );
    expect(message).toContain("; weights/pretraned is not in the hub's cache (");
    expect(hint).toMatch(
      /^`svg-t2i pull weights\/pretraned` fetches it.*\n.*--pretrained or SVG_T2I_PRETRAINED/,
    );
  });

  it('does not matter where the cache cannot be read, but to those who need it', () => {
    const loop = join(process.cwd(), 'loop');
    symlinkSync(loop, loop);
    vi.stubEnv('HF_HOME', loop);
    writeFiles('own', files);
    expect(find({ pretrained: 'own' }).textEncoder).toBe(join(process.cwd(), 'own/gemma-2-2b'));
    expect(refusal(() => find({ pretrained: 'svg-t2i' })).message).toMatch(
      /svg-t2i is not in the hub's cache \(cannot .*loop/,
    );
  });

  it('by default says how to get it', () => {
    expect(refusal(() => find({})).hint).toContain('`svg-t2i pull`');
  });

  it('is told by the doctor and by commands on files', async () => {
    const [finding] = checkWeights('acme/tiny');
    expect(finding).toMatchObject({ status: 'fail', fix: expect.stringContaining('svg-t2i pull acme/tiny') });
    await expect(inspectWeights('acme/tiny')).rejects.toMatchObject({
      code: 'ERR_SVGT2I_FILE_NOT_FOUND',
      hint: expect.stringContaining('svg-t2i pull acme/tiny'),
    });
  });
});

it('stays a name in a configuration, where no such folder is beside it', async () => {
  const folder = temporaryFolder();
  writeFiles(folder, { 'a.yaml': 'model: {pretrained: acme/tiny}\noutput: {path: out/pictures}\n' });
  const read = async () => {
    const { model, output } = await loadConfig(sampleConfigSchema, { file: join(folder, 'a.yaml') });
    return [model.pretrained, output.path];
  };
  expect(await read()).toEqual(['acme/tiny', join(folder, 'out/pictures')]);
  mkdirSync(join(folder, 'acme/tiny'), { recursive: true });
  expect(await read()).toEqual([join(folder, 'acme/tiny'), join(folder, 'out/pictures')]);
});
