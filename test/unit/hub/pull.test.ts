/** What is fetched, where it lands, and what is asked for it. */
import { existsSync, lstatSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { planPullWith } from '../../../lib/pull/pull.js';
import { bytes, DINOV3, failure, GEMMA, pulled, SVG_T2I, temporaryFolder, userOf } from './fixtures.js';
import { COMMIT, startHub } from './loopback.js';

const names = (files: readonly { readonly repo: string; readonly path: string }[]) =>
  files.map(({ repo, path }) => `${repo.split('/')[1]}/${path}`).sort();

const P = 'SVG-T2I/pre-trained/autoencoder/svg_autoencoder';
const GEMMA_FILES = [
  'gemma-2-2b/config.json',
  'gemma-2-2b/generation_config.json',
  'gemma-2-2b/model-00001-of-00002.safetensors',
  'gemma-2-2b/model-00002-of-00002.safetensors',
  'gemma-2-2b/model.safetensors.index.json',
  'gemma-2-2b/special_tokens_map.json',
  'gemma-2-2b/tokenizer.json',
  'gemma-2-2b/tokenizer_config.json',
];
const DIT = 'SVG-T2I/pre-trained/dit-stage4-T274M/consolidated.00-of-01.pth';
const STATISTICS = 'SVG-T2I/pre-trained/dinov3_s16p_layer_patchtoken_stats_dist.pt';
const AUTOENCODER_P = [`${P}-P-stage3.ckpt`, `${P}_P_stage3_1024.yaml`];
const AUTOENCODER_R = [`${P}-R-stage3.ckpt`, `${P}_R_stage3_1024.yaml`];
const ENCODER = ['config.json', 'model.safetensors'].map(
  (name) => `dinov3-vits16plus-pretrain-lvd1689m/${name}`,
);

describe('what a use needs', () => {
  it.each([
    ['svg-t2i', undefined, [...GEMMA_FILES, ...AUTOENCODER_P, STATISTICS, DIT]],
    ['svg-t2i', 'training', [...GEMMA_FILES, ...AUTOENCODER_P, STATISTICS, DIT, ...ENCODER]],
    ['svg-t2i', 'reconstruct', [...AUTOENCODER_P, ...ENCODER]],
    ['svg-t2i-r', undefined, [...AUTOENCODER_R, ...ENCODER]],
    ['svg-t2i-r', 'training', [...GEMMA_FILES, ...AUTOENCODER_R, ...ENCODER]],
    ['KlingTeam/SVG-T2I', 'reconstruct', [...AUTOENCODER_P, ...ENCODER]],
    ['gemma-2-2b', undefined, GEMMA_FILES],
    ['google/gemma-2-2b', undefined, GEMMA_FILES],
    ['dinov3-s16plus', 'training', ENCODER],
  ] as const)('%s for %s', async (name, wanted, expected) => {
    const hub = await startHub([SVG_T2I, GEMMA, DINOV3]);
    const env = userOf(hub, temporaryFolder());
    const plan = await planPullWith({ name, for: wanted }, { env });
    expect(names(plan.files)).toEqual([...expected].sort());
    expect(plan.warnings).toEqual([]);
    expect(plan.fetchBytes).toBe(plan.totalBytes);
    expect(existsSync(env.HF_HOME ?? '')).toBe(false);
    expect(hub.fetched()).toEqual([]);
  });

  it('takes the averaged weights and safetensors first, as sampling does', async () => {
    const folder = 'dit-stage4-T274M/consolidated';
    const files = {
      ...SVG_T2I.files,
      [`${folder}_ema.00-of-01.pth`]: 'e',
      [`${folder}.00-of-01.safetensors`]: 's',
    };
    const hub = await startHub([{ ...SVG_T2I, files }, GEMMA]);
    const plan = await planPullWith({}, { env: userOf(hub, temporaryFolder()) });
    const chosen = plan.files.filter(({ path }) => path.includes('dit-stage4')).map(({ path }) => path);
    expect(chosen).toEqual([`${folder}_ema.00-of-01.pth`]);
  });

  it("takes the release's own encoder where it has one", async () => {
    const own = 'pre-trained/dinov3_vits16plus_pretrain_lvd1689m-4057cbaa.pth';
    const hub = await startHub([{ ...SVG_T2I, files: { ...SVG_T2I.files, [own]: 'x' } }]);
    const plan = await planPullWith({ for: 'reconstruct' }, { env: userOf(hub, temporaryFolder()) });
    expect(names(plan.files)).toEqual([...AUTOENCODER_P, `SVG-T2I/${own}`].sort());
  });

  it('says what no repository has, and where else it is', async () => {
    const [yaml, statistics] = [`${P.slice(8)}_P_stage3_1024.yaml`, STATISTICS.slice(8)];
    const { [statistics]: _, [yaml]: _yaml, ...files } = SVG_T2I.files;
    const hub = await startHub([{ ...SVG_T2I, files }, GEMMA]);
    const plan = await planPullWith({}, { env: userOf(hub, temporaryFolder()) });
    expect(plan.warnings).toEqual([
      expect.stringMatching(
        /^no yaml of Autoencoder-P of stage 3 in KlingTeam\/SVG-T2I@main: .*--autoencoder$/,
      ),
      expect.stringMatching(/^no feature statistics in KlingTeam\/SVG-T2I@main: .*--statistics$/),
    ]);
  });

  it('refuses to sample with an autoencoder alone', async () => {
    const hub = await startHub([SVG_T2I]);
    const env = userOf(hub, temporaryFolder());
    const { code, hint } = await failure(planPullWith({ name: 'svg-t2i-r', for: 'sampling' }, { env }));
    expect([code, hint]).toEqual([
      'ERR_SVGT2I_INVALID_ARGUMENT',
      expect.stringContaining('svg-t2i pull svg-t2i'),
    ]);
    expect(hub.asked).toEqual([]);
  });

  it('takes patterns in place of a set, and of another revision', async () => {
    const hub = await startHub([SVG_T2I]);
    const env = userOf(hub, temporaryFolder());
    const include = ['*stage3*.yaml', 'pre-trained/dit-stage3*/'];
    const plan = await planPullWith({ name: 'svg-t2i@v1.0', include }, { env });
    expect(names(plan.files)).toEqual(
      [
        `${P}_P_stage3_1024.yaml`,
        `${P}_R_stage3_1024.yaml`,
        'SVG-T2I/pre-trained/dit-stage3-T244M/consolidated.00-of-01.pth',
      ].sort(),
    );
    expect(plan.repositories).toMatchObject([{ revision: 'v1.0', commit: COMMIT }]);
    const none = await failure(planPullWith({ include: ['*.nothing'] }, { env }));
    expect(none).toMatchObject({
      code: 'ERR_SVGT2I_HUB_NOT_FOUND',
      message: expect.stringContaining('*.nothing'),
    });
  });

  it.each(['a b', 'org/name/more', '../x', 'org/-name', 'svg-t3i', 'org/..', 'org/name@', 'org/name@../x'])(
    'is refused where "%s" is no name',
    async (name) => {
      const { code } = await failure(planPullWith({ name }, { env: { HF_ENDPOINT: 'http://127.0.0.1:9' } }));
      expect(code).toBe('ERR_SVGT2I_INVALID_ARGUMENT');
    },
  );
});

describe('a pull', () => {
  it('fetches each byte once, the second time nothing', async () => {
    const hub = await startHub([SVG_T2I, GEMMA]);
    const env = userOf(hub, temporaryFolder());
    const { result, events } = await pulled(env);
    expect(result.fetchedBytes).toBe(result.totalBytes);
    expect(result.fetchBytes).toBe(0);
    for (const { repo, path, file } of result.files) {
      const content = [SVG_T2I, GEMMA].find(({ id }) => id === repo)?.files[path] ?? '';
      expect(readFileSync(file).equals(Buffer.from(content))).toBe(true);
      expect(lstatSync(file).isSymbolicLink()).toBe(true);
      expect(readlinkSync(file)).toMatch(/^(\.\.\/)+blobs\/[0-9a-f]+$/);
    }
    expect(events[0]).toMatchObject({ type: 'plan', name: 'svg-t2i' });
    const last = events.filter((event) => event.type === 'progress').at(-1);
    expect(last).toMatchObject({ doneBytes: result.totalBytes, totalBytes: result.totalBytes });
    const told = events.filter((event) => event.type === 'file');
    expect(told.map(({ fetched }) => fetched)).toEqual(result.files.map(() => true));

    const before = hub.fetched().length;
    const again = await pulled(env);
    expect(hub.fetched().length).toBe(before);
    expect(again.result).toMatchObject({ fetchedBytes: 0, folder: result.folder });
    expect(again.events.filter((event) => event.type === 'file').every(({ fetched }) => !fetched)).toBe(true);
  });

  it('sends the token to the hub, and never to the host that it names', async () => {
    const hub = await startHub([SVG_T2I, GEMMA]);
    await pulled(userOf(hub, temporaryFolder()));
    const tokens = (host: string) =>
      new Set(hub.asked.filter((asked) => asked.host === host).map(({ authorization }) => authorization));
    expect(tokens('hub')).toEqual(new Set(['Bearer hf_reader']));
    expect(tokens('storage')).toEqual(new Set([undefined]));
  });

  it('reads the token that hf auth login has written', async () => {
    const hub = await startHub([SVG_T2I, GEMMA]);
    const home = temporaryFolder();
    const env = userOf(hub, home, undefined);
    await pulled({ ...env, HF_HOME: home }, { name: 'svg-t2i', include: ['README.md'] });
    writeFileSync(join(home, 'token'), 'hf_reader\n');
    const { result } = await pulled({ ...env, HF_HOME: home }, { name: 'gemma-2-2b' });
    expect(result.files).toHaveLength(8);
  });

  it('cuts large files into pieces, and asks for no byte twice', async () => {
    const content = bytes(100_000);
    const hub = await startHub([{ id: 'acme/big', lfs: /bin$/, files: { 'a/model.bin': content } }]);
    const env = userOf(hub, temporaryFolder());
    const { result } = await pulled(env, { name: 'acme/big', connections: 4 }, { pieceBytes: 9_000 });
    expect(readFileSync(result.files[0]?.file ?? '').equals(content)).toBe(true);
    const ranges = hub.asked.flatMap(({ host, range }) => (host === 'storage' ? [range] : []));
    const starts = Array.from({ length: 12 }, (_, index) => 9_000 * index);
    expect(ranges.sort()).toEqual(starts.map((at) => `bytes=${at}-${Math.min(at + 8_999, 99_999)}`).sort());
  });

  it('goes on with what an earlier one has left', async () => {
    const content = bytes(90_000);
    const hub = await startHub([{ id: 'acme/big', lfs: /bin$/, files: { 'model.bin': content } }]);
    const env = userOf(hub, temporaryFolder());
    let served = 0;
    hub.fault = (_, response, { host }) => {
      if (host !== 'storage') return false;
      served += 1;
      if (served <= 4) return false;
      response.writeHead(403).end();
      return true;
    };
    const options = { name: 'acme/big', connections: 1, retries: 0 };
    await failure(pulled(env, options, { pieceBytes: 10_000 }));
    hub.fault = undefined;
    const plan = await planPullWith(options, { env });
    expect(plan.files).toMatchObject([{ bytes: 90_000, have: 40_000 }]);
    const before = hub.asked.length;
    const { result } = await pulled(env, options, { pieceBytes: 10_000 });
    expect(result.fetchedBytes).toBe(50_000);
    expect(
      hub.asked.slice(before).filter(({ range }) => range !== undefined && /=[0-3]\d{4}-/.test(range)),
    ).toEqual([]);
    expect(readFileSync(result.files[0]?.file ?? '').equals(content)).toBe(true);
  });

  it('into a folder leaves the files themselves, in the layout of the release', async () => {
    const hub = await startHub([SVG_T2I, GEMMA]);
    const env = userOf(hub, temporaryFolder());
    const into = join(temporaryFolder(), 'weights');
    const { result } = await pulled(env, { into });
    expect(result.folder).toBe(into);
    for (const path of [
      'dit-stage4-T274M/consolidated.00-of-01.pth',
      'autoencoder/svg_autoencoder_P_stage3_1024.yaml',
      'autoencoder/svg_autoencoder-P-stage3.ckpt',
      'gemma-2-2b/model-00002-of-00002.safetensors',
    ]) {
      expect(lstatSync(join(into, path)).isFile()).toBe(true);
    }
    expect(existsSync(env.HF_HOME ?? '')).toBe(false);
    const before = hub.fetched().length;
    expect((await pulled(env, { into })).result.fetchedBytes).toBe(0);
    expect(hub.fetched().length).toBe(before);
  });

  it('into a folder copies what the cache has', async () => {
    const hub = await startHub([SVG_T2I, GEMMA]);
    const env = userOf(hub, temporaryFolder());
    await pulled(env);
    const before = hub.fetched().length;
    const { result } = await pulled(env, { into: temporaryFolder() });
    expect([result.fetchedBytes, hub.fetched().length]).toEqual([0, before]);
    expect(result.files.every(({ file }) => lstatSync(file).isFile())).toBe(true);
  });

  it('needs room for what is yet to come before it fetches any of it', async () => {
    const hub = await startHub([SVG_T2I, GEMMA]);
    const env = userOf(hub, temporaryFolder());
    const error = await failure(pulled(env, {}, { free: async () => 1_000_000 }));
    expect(error).toMatchObject({ code: 'ERR_SVGT2I_DISK_FULL', hint: expect.stringContaining('--into') });
    expect(hub.fetched()).toEqual([]);
    await pulled(env);
    await pulled(env, {}, { free: async () => 0 });
    const copied = await failure(pulled(env, { into: temporaryFolder() }, { free: async () => 0 }));
    expect(copied.code).toBe('ERR_SVGT2I_DISK_FULL');
  });

  it.each(['HF_HUB_OFFLINE', 'TRANSFORMERS_OFFLINE'])('asks nobody where %s forbids it', async (name) => {
    const hub = await startHub([SVG_T2I]);
    const error = await failure(pulled({ ...userOf(hub, temporaryFolder()), [name]: '1' }));
    expect(error).toMatchObject({ code: 'ERR_SVGT2I_FETCH', message: expect.stringContaining(name) });
    expect(hub.asked).toEqual([]);
  });
});
