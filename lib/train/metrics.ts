/** What a run reports every few steps, and the JSONL file that keeps it. */
import { appendFile, readFile } from 'node:fs/promises';
import { fileError, systemErrorCode } from '../errors.js';
import { writeDurably } from '../files.js';
import type { LossPoint } from './loss-plot.js';

/** Means over the steps since the line before. */
export interface Metrics {
  /** Steps done. */
  readonly step: number;
  /** From 0. */
  readonly epoch: number;
  /** By name; null where no step gave a number. The first is what training lowers. */
  readonly losses: Readonly<Record<string, number | null>>;
  /** Before clipping; null where no step gave a number. */
  readonly gradNorm: number | null;
  /** Learning rate. */
  readonly lr: number;
  /** Of all processes together. */
  readonly imagesPerSecond: number;
  /** Wall-clock. */
  readonly secondsPerStep: number;
  /** Share of the time in which the engine waited for pictures. */
  readonly dataShare: number;
  /** Milliseconds a step of every phase; `data` is waiting. */
  readonly milliseconds: Readonly<Record<string, number>>;
  /** Steps that changed nothing because a number was not finite, since this process began. */
  readonly badSteps: number;
  /** Pictures that could not be read, since this process began; over all processes, each once. */
  readonly badItems: number;
  /** Loss in 20 equal parts of [0, 1], over all processes; null where nothing was drawn. Of the DiT only. */
  readonly lossByTime?: readonly (number | null)[];
  /** ISO 8601. */
  readonly time: string;
}

/** The fixed line of a run's log. */
export function metricsLine(metrics: Metrics, steps: number): string {
  const { step, losses, gradNorm, lr, imagesPerSecond, secondsPerStep, dataShare } = metrics;
  const shown = Object.entries(losses).map(([name, value]) => `${name} ${number(value)}`);
  return [
    `step ${step}/${steps}`,
    ...shown,
    `norm ${number(gradNorm)}`,
    `lr ${lr.toExponential(2)}`,
    `${imagesPerSecond.toPrecision(3)} img/s`,
    `${secondsPerStep.toPrecision(3)} s/step`,
    `data ${(dataShare * 100).toFixed(1)}%`,
    `left ${duration((steps - step) * secondsPerStep)}`,
  ].join('  ');
}

function number(value: number | null): string {
  return value === null ? '-' : value.toPrecision(4);
}

/** `2d03h`, `3h05m`, `4m10s`, `12s` or `0.5s`. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '?';
  const [days, hours, minutes] = [86_400, 3_600, 60].map((unit) => Math.floor(seconds / unit));
  const two = (value: number) => String(Math.floor(value)).padStart(2, '0');
  if (days) return `${days}d${two((seconds % 86_400) / 3_600)}h`;
  if (hours) return `${hours}h${two((seconds % 3_600) / 60)}m`;
  if (minutes) return `${minutes}m${two(seconds % 60)}s`;
  return seconds < 10 ? `${Number(seconds.toPrecision(1))}s` : `${Math.round(seconds)}s`;
}

/** One JSON object a line. */
export class MetricsFile {
  readonly #path: string;
  readonly #losses = new Map<string, LossPoint[]>();

  private constructor(path: string, earlier: readonly Metrics[]) {
    this.#path = path;
    for (const metrics of earlier) this.#keepLosses(metrics);
  }

  /** Keeps what the file holds up to `step`; later lines belong to steps that will be done again. */
  static async open(path: string, step: number): Promise<MetricsFile> {
    const lines = (await readMetrics(path)).filter((line) => line.metrics.step <= step);
    await writeDurably(path, lines.map(({ text }) => `${text}\n`).join(''));
    return new MetricsFile(
      path,
      lines.map(({ metrics }) => metrics),
    );
  }

  /** By name, of every line that has a number. */
  get losses(): ReadonlyMap<string, readonly LossPoint[]> {
    return this.#losses;
  }

  async append(metrics: Metrics): Promise<void> {
    this.#keepLosses(metrics);
    try {
      await appendFile(this.#path, `${JSON.stringify(metrics)}\n`);
    } catch (error) {
      throw fileError(error, 'write', this.#path);
    }
  }

  #keepLosses({ step, losses }: Metrics): void {
    for (const [name, loss] of Object.entries(losses)) {
      if (typeof loss !== 'number') continue;
      const points = this.#losses.get(name) ?? [];
      points.push({ step, loss });
      this.#losses.set(name, points);
    }
  }
}

/** Lines that are whole, none where there is no file; the last one may be cut. */
export async function readMetrics(path: string): Promise<readonly { text: string; metrics: Metrics }[]> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return [];
    throw fileError(error, 'read', path);
  }
  return text.split('\n').flatMap((line) => {
    try {
      return [{ text: line, metrics: JSON.parse(line) as Metrics }];
    } catch {
      return [];
    }
  });
}
