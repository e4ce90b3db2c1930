/** What each checkpoint of a run is put to: the same pictures, or the same prompts and seeds, every time. */
import type { RgbImage } from '../../image/rgb-image.js';
import type { EvaluateEvent } from '../events.js';
import { METRIC_TITLES } from '../metric-words.js';
import type { ReportPicture } from '../report-content.js';
import type { CheckpointEngine } from './checkpoint-engine.js';

export interface Probe {
  /** Digest of all that the numbers depend on beside the checkpoint. */
  readonly set: string;
  /** The same for people. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Names of the values that `measure` gives. */
  readonly names: readonly string[];
  measure(model: CheckpointEngine, options: MeasureOptions): Promise<Measured>;
  close(): Promise<void>;
}

export interface MeasureOptions {
  /** Grid of the checkpoint before, where it is there. */
  readonly previous: RgbImage | undefined;
  readonly onEvent: (event: EvaluateEvent) => void;
  readonly signal?: AbortSignal | undefined;
}

export interface Measured {
  readonly values: Readonly<Record<string, number>>;
  readonly grid: RgbImage;
  readonly pictures: readonly ReportPicture[];
  /** Of its pictures one by one, for the report. */
  readonly histograms?: readonly {
    readonly title: string;
    readonly unit: string;
    readonly values: readonly number[];
  }[];
}

/** How a value is shown. */
export interface ValueKind {
  readonly title: string;
  readonly unit: string;
  readonly better: 'higher' | 'lower' | 'neither';
}

const higher = { unit: '', better: 'higher' } as const;
const lower = { unit: '', better: 'lower' } as const;
const { psnr, ssim, 'ms-ssim': msSsim, lpips, fid, kid, is } = METRIC_TITLES;

const KINDS: Readonly<Record<string, ValueKind>> = {
  psnr: { title: psnr, unit: 'dB', better: 'higher' },
  ssim: { title: ssim, ...higher },
  'ms-ssim': { title: msSsim, ...higher },
  lpips: { title: lpips, ...lower },
  fid: { title: fid, ...lower },
  kid: { title: kid, ...lower },
  is: { title: is, ...higher },
  shapes: { title: 'Score of shapes', ...higher },
  'previous-psnr': { title: `${psnr} to the checkpoint before`, unit: 'dB', better: 'neither' },
  'previous-ssim': { title: `${ssim} to the checkpoint before`, unit: '', better: 'neither' },
};

/** Of a value by its name; `shapes/counting` is as `shapes`. */
export function kindOfValue(name: string): ValueKind {
  const known = KINDS[name.split('/')[0] ?? ''];
  if (known === undefined) return { title: name, unit: '', better: 'neither' };
  return name.includes('/') ? { ...known, title: name } : known;
}
