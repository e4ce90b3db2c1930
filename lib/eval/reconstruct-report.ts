/** The report of `eval reconstruct`. */
import type { PairMetricName } from '../config/eval/measure.js';
import { type ReconstructSettings, reconstructSchema } from '../config/eval/reconstruct.js';
import { modelSchema, type ResolvedModelOptions } from '../config/model.js';
import type { Engine } from '../engine.js';
import { commandLine } from './command-line.js';
import { writeReport } from './html/write-report.js';
import type { MeasuredPair } from './measure-pairs.js';
import { pairFigures, pairTable, setFigures } from './metric-words.js';
import { extremeSheets, pairHistograms, writePairs } from './pair-report.js';
import type { PictureSource } from './picture-set.js';
import { reconstructPictures } from './reconstruct-pictures.js';
import type { ReconstructResult } from './reconstruct-types.js';

/** Pictures that cannot be read which a report names. */
const FAILURES = 100;

export interface ReconstructFindings {
  /** With the autoencoder: pictures that are shown are made anew. */
  readonly engine: Pick<Engine, 'run'>;
  readonly settings: ReconstructSettings;
  /** Options of the models, for the command and the settings. */
  readonly model: ResolvedModelOptions;
  readonly result: ReconstructResult;
  readonly pairs: readonly MeasuredPair[];
  readonly pairMetrics: readonly PairMetricName[];
  readonly source: PictureSource;
  readonly signal?: AbortSignal | undefined;
}

/** Writes report.html, results.json and pairs.jsonl; the path of the first. */
export async function writeReconstructReport(folder: string, findings: ReconstructFindings): Promise<string> {
  const { engine, settings, model, result, pairs, pairMetrics, source, signal } = findings;
  await writePairs(folder, pairs);
  const { data } = result;
  const all = { ...settings, model };
  const { html } = await writeReport(
    folder,
    {
      title: `Reconstructions of ${data.name} at ${settings.resolution} pixels`,
      command: commandLine(
        ['eval', 'reconstruct'],
        { schema: reconstructSchema, values: settings },
        { schema: modelSchema, values: model },
      ),
      time: new Date().toISOString(),
      headline: [...setFigures(result, 'r'), ...pairFigures(result.pairs)],
      tables: [pairTable(`${data.pictures} pictures, each against its reconstruction`, result.pairs)],
      histograms: pairHistograms(pairs, pairMetrics),
      sheets: await extremeSheets(pairs, pairMetrics, async ({ index }) => {
        const { image, path } = await source.picture(index);
        const [reconstruction] = await reconstructPictures(engine, [image], signal);
        return { images: reconstruction === undefined ? [image] : [image, reconstruction], path };
      }),
      failures: result.bad.slice(0, FAILURES).map(({ path, message }) => ({ path, reasons: [message] })),
      warnings: result.warnings,
      settings: all,
    },
    { ...result, settings: all },
  );
  return html;
}
