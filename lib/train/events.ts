/** What a run tells while it goes. */
import type { BucketCounts } from '../features/bucket-counts.js';
import type { Metrics } from './metrics.js';
import type { StartReport } from './stage.js';

/** What `train()` tells; `type` says which. */
export type TrainEvent =
  | {
      readonly type: 'start';
      readonly folder: string;
      readonly stage: string;
      /** Steps done already, and steps of the whole run. */
      readonly step: number;
      readonly steps: number;
      /** Pictures of one epoch. */
      readonly items: number;
      readonly worldSize: number;
      readonly start: StartReport;
    }
  | ({ readonly type: 'buckets' } & BucketCounts)
  | { readonly type: 'step'; readonly step: number }
  | { readonly type: 'metrics'; readonly metrics: Metrics }
  | { readonly type: 'samples'; readonly step: number; readonly file: string }
  | { readonly type: 'checkpoint'; readonly step: number; readonly file: string; readonly seconds: number }
  | {
      readonly type: 'bad-step';
      readonly step: number;
      readonly inRow: number;
      readonly losses: Readonly<Record<string, number>>;
    }
  | { readonly type: 'bad-item'; readonly index: number; readonly message: string }
  | { readonly type: 'warning'; readonly message: string }
  | { readonly type: 'export'; readonly files: readonly string[] };
