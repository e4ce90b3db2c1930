/** Runs in a worker thread: reads a picture and cuts it to its bucket, so that neither holds up the main thread. */
import { parentPort } from 'node:worker_threads';
import { type ErrorCode, firstLine, SvgT2IError } from '../errors.js';
import { type DecodeOptions, readImage, UndecodableError } from '../image/decode.js';
import { chooseBucket, type Size } from './buckets.js';
import { centerCropToBucket, flipImage } from './crop.js';

export interface WorkerRequest {
  readonly id: number;
  readonly path: string;
  readonly buckets: readonly Size[];
  /** Mirror it left to right. */
  readonly flip: boolean;
  readonly decode: PictureReading;
}

/** How picture files are read. */
export type PictureReading = Pick<DecodeOptions, 'autoOrient' | 'maxPixels'>;

export type WorkerReply =
  | { readonly id: number; readonly width: number; readonly height: number; readonly data: Uint8Array }
  | {
      readonly id: number;
      readonly code: ErrorCode;
      readonly message: string;
      /** A decoder refused it. */
      readonly isUndecodable: boolean;
    };

async function prepare({ id, path, buckets, flip, decode }: WorkerRequest): Promise<WorkerReply> {
  try {
    const image = await readImage(path, decode);
    const cropped = centerCropToBucket(image, chooseBucket(image, buckets));
    return { id, ...(flip ? flipImage(cropped) : cropped) };
  } catch (error) {
    const code = SvgT2IError.isInstance(error) ? error.code : 'ERR_SVGT2I_INTERNAL';
    return { id, code, message: firstLine(error), isUndecodable: error instanceof UndecodableError };
  }
}

parentPort?.on('message', async (request: WorkerRequest) => {
  const reply = await prepare(request);
  const { buffer } = 'data' in reply ? reply.data : {};
  parentPort?.postMessage(reply, buffer instanceof ArrayBuffer ? [buffer] : []);
});
