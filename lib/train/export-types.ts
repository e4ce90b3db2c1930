/** How a trained model is written. */
import type { STORED_DTYPES } from '../facts.js';

export type ExportDtype = (typeof STORED_DTYPES)[number];

/** Of the files: as the release has them (.pth and .ckpt, which PyTorch reads), or safetensors. */
export const EXPORT_FORMATS = ['torch', 'safetensors'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

export interface ExportOptions {
  /** Of the run; part of the names of the files. */
  readonly name: string;
  /** Whether this process is the one that writes; all of them take part. */
  readonly isFirst: boolean;
  /** Waits until the first process has written a file; needed where there are others. */
  readonly settle?: (() => Promise<void>) | undefined;
  /** Of the files; fp32 by default. */
  readonly dtype?: ExportDtype | undefined;
  /** torch by default. */
  readonly format?: ExportFormat | undefined;
  /** Leave the weights as trained out where averages are kept. */
  readonly onlyAverages?: boolean | undefined;
}
