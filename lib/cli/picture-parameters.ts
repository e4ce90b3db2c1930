import { SvgT2IError } from '../errors.js';
import { type ImageParameters, readFileParameters } from '../image/parameters.js';

/** The parameters of a picture of ours. @throws SvgT2IError ERR_SVGT2I_IMAGE where it carries none */
export async function requireParameters(picture: string): Promise<ImageParameters> {
  const parameters = await readFileParameters(picture);
  if (parameters !== undefined) return parameters;
  throw new SvgT2IError('ERR_SVGT2I_IMAGE', `${picture} carries no parameters of svg-t2i`, {
    hint: 'Only pictures that svg-t2i wrote carry them; editors and messengers often strip them.',
  });
}
