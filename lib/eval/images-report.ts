/** The report of `eval images`. */
import { type ImagesConfig, imagesSchema } from '../config/eval/images.js';
import type { PairMetricName } from '../config/eval/measure.js';
import { commandLine } from './command-line.js';
import { attempt } from './good-pictures.js';
import { writeReport } from './html/write-report.js';
import type { MeasuredPair } from './measure-pairs.js';
import type { ImagesResult, SetSummary } from './measure-types.js';
import { METRIC_TITLES, pairFigures, pairTable, setFigures } from './metric-words.js';
import type { PairPlan } from './pair-plan.js';
import { extremeSheets, pairHistograms, writePairs } from './pair-report.js';
import type { PictureSource } from './picture-set.js';
import type { ContactSheet, ReportPicture, ReportTable } from './report-content.js';
import { smallPicture } from './small-picture.js';

/** Pictures of a set that are shown where there are no pairs. */
const SHOWN = 12;
/** Pictures that cannot be read which a report names. */
const FAILURES = 100;

export interface ImagesFindings {
  readonly config: ImagesConfig;
  readonly result: ImagesResult;
  readonly pairs: readonly MeasuredPair[];
  readonly pairMetrics: readonly PairMetricName[];
  readonly plan: PairPlan | undefined;
  readonly sources: { readonly set: PictureSource; readonly reference: PictureSource | undefined };
}

/** Writes report.html, results.json and, of pairs, pairs.jsonl; the path of the first. */
export async function writeImagesReport(folder: string, findings: ImagesFindings): Promise<string> {
  const { config, result, pairs, pairMetrics } = findings;
  if (pairMetrics.length > 0) await writePairs(folder, pairs);
  const against = config.reference === undefined ? '' : ` against ${config.reference}`;
  const titles = config.metrics.map((metric) => METRIC_TITLES[metric]).join(', ');
  const { html } = await writeReport(
    folder,
    {
      title: `${titles} of ${config.set}${against}`,
      command: commandLine(
        ['eval', 'images', config.set, ...(config.reference === undefined ? [] : [config.reference])],
        { schema: imagesSchema.omit({ set: true, reference: true }), values: config },
      ),
      time: new Date().toISOString(),
      headline: [...setFigures(result), ...pairFigures(result.pairs ?? {})],
      tables: [setsTable(result), ...(result.pairs === undefined ? [] : [pairTable('Pairs', result.pairs)])],
      histograms: pairHistograms(pairs, pairMetrics),
      sheets: await sheetsOf(findings),
      failures: result.bad.slice(0, FAILURES).map(({ path, message }) => ({ path, reasons: [message] })),
      warnings: result.warnings,
      settings: config,
    },
    { ...result, settings: config },
  );
  return html;
}

function setsTable({ set, reference }: Pick<ImagesResult, 'set' | 'reference'>): ReportTable {
  const row = (role: string, { name, pictures, unreadable, sizes }: SetSummary) => [
    role,
    name,
    pictures === 0 ? 'not known' : String(pictures),
    String(unreadable),
    sizes.slice(0, 3).join(', '),
  ];
  return {
    title: 'Sets',
    columns: ['', 'set', 'pictures', 'unreadable', 'sizes'],
    rows: [row('judged', set), ...(reference === undefined ? [] : [row('reference', reference)])],
  };
}

async function sheetsOf({
  pairs,
  pairMetrics,
  plan,
  sources,
}: ImagesFindings): Promise<readonly ContactSheet[]> {
  const { set, reference } = sources;
  if (plan === undefined || reference === undefined) {
    const sides = reference === undefined ? [set] : [set, reference];
    const sheets: ContactSheet[] = [];
    for (const source of sides) if (source.hasPictures) sheets.push(await someOf(source));
    return sheets;
  }
  return extremeSheets(pairs, pairMetrics, async ({ index }) => {
    const [own, partner] = [await set.picture(index), await reference.picture(plan[index] as number)];
    return { images: [partner.image, own.image], path: own.path };
  });
}

/** Spread over the whole set, since a folder may hold one class after the other. */
async function someOf(source: PictureSource): Promise<ContactSheet> {
  const count = Math.min(SHOWN, source.count);
  const pictures: ReportPicture[] = [];
  for (let i = 0; i < count; i++) {
    const outcome = await attempt(source, Math.floor((i * source.count) / count));
    if (!('picture' in outcome)) continue;
    const { name, image, path } = outcome.picture;
    pictures.push({ caption: name, images: [smallPicture(image)], ...(path === undefined ? {} : { path }) });
  }
  return { title: `Some of ${source.name}`, pictures };
}
