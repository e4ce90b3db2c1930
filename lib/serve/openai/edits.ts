/** /v1/images/edits and /v1/images/variations: read as every client sends them, then refused in words. */
import { type ImageFormat, otherKind, sniffImageFormat } from '../../image/format.js';
import { ApiError } from '../errors.js';
import type { BodyFields } from '../fields.js';

/** The fields that clients send pictures in: once, in a list, or numbered. */
const PICTURE_FIELD = /^images?(\[\d*\])?$/;

/** What a form of pictures held. */
export interface EditPictures {
  readonly formats: readonly ImageFormat[];
  readonly hasMask: boolean;
}

/**
 * The pictures of a form, in any order of its fields; each is known by its first bytes.
 *
 * @throws ApiError 400 where there are none, or one that is no picture
 */
export function picturesOf({ fields, files }: BodyFields): EditPictures {
  const pictures = files.filter(({ field }) => PICTURE_FIELD.test(field));
  if (pictures.length === 0 && fields.image === undefined && fields.images === undefined) {
    throw new ApiError(
      400,
      'missing_required_parameter',
      'image: no picture was sent; it belongs into the field image, or image[] for several',
      { param: 'image' },
    );
  }
  const formats = pictures.map(({ field, bytes }) => {
    const format = sniffImageFormat(bytes);
    if (format !== undefined) return format;
    throw new ApiError(
      400,
      'invalid_image',
      `${field}: is no picture but ${otherKind(bytes) ?? 'something else'}`,
      { param: 'image' },
    );
  });
  return { formats, hasMask: files.some(({ field }) => field === 'mask') };
}

/**
 * What answers an edit or a variation: models here draw from text alone, and saying so helps more than a 404.
 *
 * @param model name of the model that was meant
 * @param pictures undefined where the form was too large to be read to its end
 */
export function editUnsupported(model: string, pictures: EditPictures | undefined): ApiError {
  return new ApiError(
    400,
    'unsupported',
    `${model} draws from text alone and cannot use ${pictureText(pictures)}. ` +
      'Describe the whole picture in a prompt and send it to POST /v1/images/generations.',
    // What is still on its way is not read.
    { param: 'image', ...(pictures === undefined ? { headers: { connection: 'close' } } : {}) },
  );
}

function pictureText(pictures: EditPictures | undefined): string {
  if (pictures === undefined || pictures.formats.length === 0) return 'pictures';
  const { formats, hasMask } = pictures;
  const which = formats.length === 1 ? 'the picture' : `the ${formats.length} pictures`;
  return `${which} (${formats.join(', ')})${hasMask ? ' or the mask' : ''}`;
}
