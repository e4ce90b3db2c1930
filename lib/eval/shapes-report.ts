/** What an evaluation of shapes leaves: a contact sheet, a line for each failure, and the report. */
import { join } from 'node:path';
import { makeFolder, replaceFile } from '../files.js';
import { encodeImage } from '../image/encode.js';
import type { Evaluation, JudgedPicture, ShownPicture } from '../shapes/evaluation.js';
import { SCORE_COLUMNS, type Scores } from '../shapes/score.js';
import { CATEGORIES, type Category } from '../shapes/vocabulary.js';
import { writeReport } from './html/write-report.js';
import type { ContactSheet, ReportContent, ReportPicture } from './report-content.js';
import type { ShapesFiles } from './shapes-types.js';

/** Of a category on the page; the sheet has more. */
const SHOWN = 24;

export interface ShapesReportFacts {
  /** "the model of my-model", "the pictures of out/". */
  readonly what: string;
  readonly command: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly warnings: readonly string[];
}

/**
 * Writes sheet.png, failures.jsonl, report.html and results.json.
 *
 * @throws SvgT2IError ERR_SVGT2I_IO or ERR_SVGT2I_DISK_FULL
 */
export async function writeShapesReport(
  folder: string,
  evaluation: Evaluation,
  facts: ShapesReportFacts,
): Promise<ShapesFiles> {
  const [sheet, failures] = [join(folder, 'sheet.png'), join(folder, 'failures.jsonl')];
  await makeFolder(folder);
  await replaceFile(sheet, [await encodeImage(evaluation.sheet(), { format: 'png' })], { isDurable: true });
  await replaceFile(failures, [evaluation.failureLines()], { isDurable: true });
  const { scores } = evaluation;
  const results = { type: 'shapes', ...scores, settings: facts.settings };
  const written = await writeReport(folder, shapesContent(evaluation, scores, facts), results);
  return { ...written, sheet, failures };
}

function shapesContent(
  evaluation: Evaluation,
  { overall, categories, prompts }: Scores,
  { what, command, settings, warnings }: ShapesReportFacts,
): ReportContent {
  return {
    title: `Shapes: ${what}`,
    command,
    time: new Date().toISOString(),
    headline: [
      {
        name: 'overall',
        value: overall.toFixed(3),
        note: `${evaluation.correct} of ${prompts} pictures right; mean of the categories`,
      },
      ...CATEGORIES.flatMap((category) => {
        const score = categories[category];
        return score === null ? [] : [{ name: category, value: score.toFixed(3) }];
      }),
    ],
    tables: [{ title: 'Scores', columns: SCORE_COLUMNS, rows: evaluation.rows }],
    histograms: [],
    sheets: CATEGORIES.flatMap((category) => sheetsOf(evaluation, category)),
    failures: evaluation.failures.map(({ prompt, origin, verdict, category }) => ({
      prompt,
      ...pathOf(origin),
      reasons: [category, ...verdict.reasons],
    })),
    warnings,
    settings,
  };
}

/** The first of a category as they come, and more of its wrong ones than are among these. */
function sheetsOf(evaluation: Evaluation, category: Category): readonly ContactSheet[] {
  const first = evaluation.shown(category).slice(0, SHOWN);
  const known = new Set(first.map(({ image }) => image));
  const wrong = evaluation.wrong(category).filter(({ image }) => !known.has(image));
  return [
    ...(first.length === 0 ? [] : [{ title: `${category}: the first`, pictures: first.map(pictureOf) }]),
    ...(wrong.length === 0
      ? []
      : [{ title: `${category}: more that are wrong`, pictures: wrong.map(pictureOf) }]),
  ];
}

function pictureOf({ prompt, origin, image, verdict }: ShownPicture): ReportPicture {
  const { correct, reasons } = verdict;
  return {
    caption: prompt,
    images: [image],
    ...pathOf(origin),
    ...(correct ? {} : { value: reasons.join('; ') }),
    good: correct,
  };
}

/** Of a picture that was read; those that were drawn are on the sheet alone. */
function pathOf({ path }: JudgedPicture['origin']): { readonly path?: string } {
  return typeof path === 'string' ? { path } : {};
}
