/** Runs in a worker thread: reads a picture and cuts it to size, so that neither holds up the main thread. */
import { parentPort } from 'node:worker_threads';
import { type ErrorCode, firstLine, SvgT2IError } from '../errors.js';
import { type DecodeOptions, type PictureFacts, readPicture, UndecodableError } from '../image/decode.js';
import type { RgbImage } from '../image/rgb-image.js';
import { fitPicture, type PictureFit } from './fit-picture.js';

export interface WorkerRequest {
  readonly id: number;
  readonly path: string;
  readonly fit: PictureFit;
  readonly decode: PictureReading;
}

/** How picture files are read. */
export type PictureReading = Pick<DecodeOptions, 'autoOrient' | 'maxPixels' | 'alpha'>;

export type WorkerReply =
  | { readonly id: number; readonly image: RgbImage; readonly facts: PictureFacts }
  | {
      readonly id: number;
      readonly code: ErrorCode;
      readonly message: string;
      /** A decoder refused it. */
      readonly isUndecodable: boolean;
    };

async function prepare({ id, path, fit, decode }: WorkerRequest): Promise<WorkerReply> {
  try {
    const { image, facts } = await readPicture(path, decode);
    const fitted = fitPicture(image, fit);
    // Memory that a decoder brought along cannot be handed to another thread.
    const isDecoders = fitted.data.buffer === image.data.buffer;
    const { width, height } = fitted;
    const data = isDecoders ? new Uint8Array(fitted.data) : fitted.data;
    return { id, image: { width, height, data }, facts };
  } catch (error) {
    const code = SvgT2IError.isInstance(error) ? error.code : 'ERR_SVGT2I_INTERNAL';
    return { id, code, message: firstLine(error), isUndecodable: error instanceof UndecodableError };
  }
}

parentPort?.on('message', async (request: WorkerRequest) => {
  const reply = await prepare(request);
  const { buffer } = 'image' in reply ? reply.image.data : {};
  parentPort?.postMessage(reply, buffer instanceof ArrayBuffer ? [buffer] : []);
});
