/** sharp, which reads and writes picture files: loaded when the first one is, since that takes a tenth of a second. */
import type sharp from 'sharp';
import { firstLine, SvgT2IError } from '../errors.js';

let loading: Promise<typeof sharp> | undefined;

/** @throws SvgT2IError ERR_SVGT2I_IMAGE where the package's binary for this machine is not installed */
export function loadSharp(): Promise<typeof sharp> {
  loading ??= import('sharp').then(({ default: loaded }) => loaded, refuse);
  return loading;
}

function refuse(error: unknown): never {
  throw new SvgT2IError('ERR_SVGT2I_IMAGE', `pictures cannot be read or written: ${firstLine(error)}`, {
    hint: 'sharp was installed without its binary for this machine: run `npm install --include=optional sharp`.',
    cause: error,
  });
}
