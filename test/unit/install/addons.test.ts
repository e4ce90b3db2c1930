/** Which binaries of a package, or of a clone, may be loaded. */
import { join } from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import { findAddons, PREBUILT_CUDA } from '../../../lib/native/addons.js';
import { temporaryFolder, writeFiles } from './fixtures.js';

const info = (flavour: string) => JSON.stringify({ torch: '2.13.0', flavour });
const platform = `${process.platform}-${process.arch}`;
const prebuilt = (folder: string, flavour: string) => ({
  [`${folder}/${platform}/svg-t2i.glibc.node`]: '',
  [`${folder}/${platform}/loader/svg-t2i-loader.node`]: '',
  [`${folder}/${platform}/loader/build-info.json`]: info(flavour),
});
const cpu = prebuilt('prebuilds', 'cpu');
const cuda = prebuilt(`prebuilds/${PREBUILT_CUDA}/prebuilds`, PREBUILT_CUDA);
const own = { 'build/Release/svg-t2i.node': '', 'build/loader/build-info.json': info('cu128') };

/** Files and flavours of the addons of a package with these files. */
function found(files: Readonly<Record<string, string>>): readonly (readonly string[])[] {
  const folder = writeFiles(temporaryFolder(), files);
  vi.stubEnv('SVG_T2I_PREBUILD', folder);
  return findAddons().map(({ addon, build }) => [addon.slice(folder.length + 1), build.flavour]);
}

afterEach(() => vi.unstubAllEnvs());

it('are those of the package, the one for a CPU first', () => {
  const file = join('prebuilds', platform, 'svg-t2i.glibc.node');
  expect(found(cpu)).toEqual([[file, 'cpu']]);
  expect(found({ ...cpu, ...cuda })).toEqual([
    [file, 'cpu'],
    [join('prebuilds', PREBUILT_CUDA, file), PREBUILT_CUDA],
  ]);
});

it('are what was built here alone, where there is such a build', () => {
  expect(found({ ...cpu, ...cuda, ...own })).toEqual([['build/Release/svg-t2i.node', 'cu128']]);
});

it('are told as missing where there is none, or one without its loader', () => {
  const missing = (message: string) =>
    expect.objectContaining({ code: 'ERR_SVGT2I_ADDON_MISSING', message: expect.stringContaining(message) });
  expect(() => found({ 'package.json': '{}' })).toThrow(missing(`no native addon for ${platform}`));
  expect(() => found({ 'build/Release/svg-t2i.node': '' })).toThrow(missing('comes without its loader'));
});

it.each(['{"torch": "2.13', '[]', 'null', '{"torch": "2.13.0"}', '{"torch": 2, "flavour": "cpu"}'])(
  'are refused where they do not say what they are: %s',
  (text) => {
    expect(() => found({ ...own, 'build/loader/build-info.json': text })).toThrow(
      expect.objectContaining({
        code: 'ERR_SVGT2I_ADDON_MISSING',
        message: expect.stringMatching(/build-info\.json does not describe an addon/),
      }),
    );
  },
);
