import { describe, expect, it } from 'vitest';
import { checkTorchVersion, parseTorchVersion, torchMinor } from '../../../lib/install/torch-version.js';

describe('versions of libtorch', () => {
  it('reads versions with and without a build suffix', () => {
    expect(parseTorchVersion('2.13.0+cpu')).toEqual({ major: 2, minor: 13, patch: 0 });
    expect(parseTorchVersion(' 2.11.1\n')).toEqual({ major: 2, minor: 11, patch: 1 });
    expect(torchMinor('2.9.1')).toBe('2.9');
  });

  it('refuses what is no version', () => {
    expect(() => parseTorchVersion('nightly')).toThrow(
      expect.objectContaining({ code: 'ERR_SVGT2I_TORCH_VERSION' }),
    );
  });

  it.each(['2.11.0', '2.12.3', '2.13.0+cu130', '2.14.9'])('takes %s', (version) => {
    expect(() => checkTorchVersion(version, 'somewhere')).not.toThrow();
  });

  it.each(['2.10.0', '2.15.0', '1.13.0', '3.12.0'])('refuses %s and says what to do', (version) => {
    expect(() => checkTorchVersion(version, 'somewhere')).toThrow(
      expect.objectContaining({
        code: 'ERR_SVGT2I_TORCH_VERSION',
        message: `libtorch ${version} in somewhere; needs 2.11 to 2.14`,
        hint: expect.stringContaining('svg-t2i install'),
      }),
    );
  });
});
