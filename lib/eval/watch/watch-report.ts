/** What the report of a watched run shows: a curve for each value, the grids of its checkpoints, the pictures of the last. */
import { join } from 'node:path';
import type { RgbImage } from '../../image/rgb-image.js';
import type { Curve, Figure, ReportContent, ReportPicture } from '../report-content.js';
import { kindOfValue, type Measured } from './probe.js';
import type { CheckpointEvaluation } from './types.js';

/** Grids of the newest checkpoints that a report shows; the others are in its folder. */
export const REPORT_GRIDS = 24;

export interface WatchedRun {
  /** As it was named. */
  readonly run: string;
  /** Absolute. */
  readonly path: string;
  readonly stage: string;
  /** Of one set, in the order of their steps; at least one. */
  readonly evaluations: readonly CheckpointEvaluation[];
  /** The last one's own, where it was measured just now. */
  readonly measured: Measured | undefined;
  /** Steps of the whole run, where they are known. */
  readonly steps: number | undefined;
  readonly grids: readonly { readonly evaluation: CheckpointEvaluation; readonly grid: RgbImage }[];
  readonly settings: Readonly<Record<string, unknown>>;
  readonly warnings: readonly string[];
  readonly command: string;
}

export function watchReport(watched: WatchedRun): ReportContent {
  const { run, path, stage, evaluations, measured, grids, settings, warnings, command, steps } = watched;
  const last = evaluations.at(-1);
  const names = [...new Set(evaluations.flatMap(({ values }) => Object.keys(values)))];
  const of = steps === undefined ? '' : ` of ${steps}`;
  return {
    title: `Checkpoints of ${run} (${stage}), up to step ${last?.step ?? 0}${of}`,
    command,
    time: last?.time ?? new Date().toISOString(),
    headline: names.filter((name) => !name.includes('/')).map((name) => figureOf(name, evaluations)),
    tables: [
      {
        title: 'Every checkpoint',
        columns: ['step', ...names.map(withUnit), 'seconds'],
        rows: evaluations.map(({ step, values, seconds }) => [
          String(step),
          ...names.map((name) => shownValue(values[name])),
          seconds.toFixed(1),
        ]),
      },
    ],
    histograms: measured?.histograms ?? [],
    curves: curvesOf(names, evaluations),
    sheets: [
      ...(measured === undefined ? [] : [{ title: `Step ${last?.step ?? 0}`, pictures: measured.pictures }]),
      ...(grids.length === 0
        ? []
        : [
            {
              title: 'Grids, the newest first',
              pictures: [...grids].reverse().map((each) => gridPicture(path, each)),
            },
          ]),
    ],
    failures: (measured?.pictures ?? [])
      .filter(({ good }) => good === false)
      .map(({ caption, value = '' }) => ({ prompt: caption, reasons: value.split('; ') })),
    warnings,
    settings,
  };
}

/** Parts of one value, such as the categories of a score, as lines of one curve. */
function curvesOf(names: readonly string[], evaluations: readonly CheckpointEvaluation[]): readonly Curve[] {
  const groups = new Map<string, string[]>();
  for (const name of names) {
    const group = name.split('/')[0] as string;
    groups.set(group, [...(groups.get(group) ?? []), name]);
  }
  return [...groups].map(([group, members]) => ({
    title: kindOfValue(group).title,
    unit: kindOfValue(group).unit,
    along: 'step',
    series: members.map((name) => ({
      name: name === group && members.length > 1 ? 'overall' : (name.split('/')[1] ?? name),
      points: evaluations.flatMap(({ step, values }): (readonly [number, number])[] => {
        const value = values[name];
        return typeof value === 'number' && Number.isFinite(value) ? [[step, value]] : [];
      }),
    })),
  }));
}

function figureOf(name: string, evaluations: readonly CheckpointEvaluation[]): Figure {
  const { title, better, unit } = kindOfValue(name);
  const having = evaluations.filter(({ values }) => typeof values[name] === 'number');
  const last = having.at(-1);
  const value = `${shownValue(last?.values[name])} ${unit}`.trim();
  if (better === 'neither') return { name: title, value };
  const sign = better === 'higher' ? 1 : -1;
  const best = having.reduce<CheckpointEvaluation | undefined>(
    (top, one) =>
      top === undefined || sign * (one.values[name] as number) > sign * (top.values[name] as number)
        ? one
        : top,
    undefined,
  );
  const record =
    best === undefined || best === last
      ? 'the best so far'
      : `best ${shownValue(best.values[name])} at step ${best.step}`;
  return { name: title, value, note: `${better} is better; ${record}` };
}

function gridPicture(folder: string, { evaluation, grid }: WatchedRun['grids'][number]): ReportPicture {
  const { step, values, grid: path } = evaluation;
  const [name, value] = Object.entries(values)[0] ?? [];
  return {
    caption: `step ${step}`,
    images: [grid],
    ...(path === undefined ? {} : { path: join(folder, path) }),
    ...(name === undefined ? {} : { value: `${name} ${shownValue(value)} ${kindOfValue(name).unit}`.trim() }),
  };
}

function withUnit(name: string): string {
  const { unit } = kindOfValue(name);
  return unit === '' ? name : `${name} ${unit}`;
}

export function shownValue(value: number | null | undefined): string {
  if (typeof value !== 'number') return '-';
  return Number.isFinite(value) ? Number(value.toPrecision(5)).toString() : 'infinite';
}
