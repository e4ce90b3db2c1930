/** The report of a benchmark that was drawn: pictures of each category, faults, and how its scorer is called. */
import { join } from 'node:path';
import type { BenchmarkPrompt, LayoutPlan, PictureFile } from '../layouts/plan.js';
import type { ContactSheet, Failure, ReportContent, ReportPicture } from '../report-content.js';
import { readSmallPicture } from '../small-picture.js';
import { spread } from '../spread.js';
import type { BenchmarkResult } from './types.js';

/** Of each category, and where there is but one. */
const [SHOWN_EACH, SHOWN_ALONE] = [8, 40];

export interface ReportFacts {
  readonly title: string;
  readonly command: string;
  readonly prompts: readonly BenchmarkPrompt[];
  readonly plan: LayoutPlan;
  readonly settings: Readonly<Record<string, unknown>>;
  /** Of a picture by its number. */
  readonly seedOf: (index: number) => number;
}

export async function benchmarkReport(
  result: Omit<BenchmarkResult, 'report' | 'results'>,
  { title, command, prompts, plan, settings, seedOf }: ReportFacts,
): Promise<ReportContent> {
  const { check, failed, drawn, kept, pictures, folder, scorer } = result;
  const count = pictures / prompts.length;
  const files = plan.pictures.map((file) => ({ file, prompt: promptOf(file, prompts, count) }));
  const categories = inOrder([...new Set(prompts.map(({ category }) => category))]);
  const sheets: ContactSheet[] = [];
  for (const category of categories) {
    const own = files.filter(({ prompt }) => prompt?.category === category);
    const shown = spread(own, categories.length === 1 ? SHOWN_ALONE : SHOWN_EACH);
    const of = own.length > shown.length ? ` (${shown.length} of ${own.length})` : '';
    const name = category === '' ? 'Pictures' : category;
    sheets.push({ title: `${name}${of}`, pictures: await picturesOf(shown, folder, seedOf) });
  }
  return {
    title: `${title}: ${pictures} pictures of ${prompts.length} prompts`,
    command,
    time: new Date().toISOString(),
    headline: [
      { name: 'pictures', value: String(check.pictures), note: `${drawn} files drawn, ${kept} kept` },
      {
        name: 'faults',
        value: String(check.faults.length),
        note: 'what the scorer would miscount or stumble over',
      },
    ],
    tables: [
      {
        title: 'Prompts of each category',
        columns: ['category', 'prompts'],
        rows: categories.map((category) => [
          category === '' ? 'all' : category,
          String(prompts.filter((prompt) => prompt.category === category).length),
        ]),
      },
      { title: 'How the scorer is called', columns: ['command'], rows: scorer.map((line) => [line]) },
    ],
    histograms: [],
    sheets,
    failures: [
      ...failed.map(failureOf),
      ...check.faults.map(({ path, reason, scorer }) => ({
        path: join(folder, path),
        reasons: scorer === undefined ? [reason] : [reason, `the scorer ${scorer}`],
      })),
    ],
    warnings: check.warnings,
    settings,
  };
}

function failureOf({ path, prompt, error }: BenchmarkResult['failed'][number]): Failure {
  return { path, prompt, reasons: [error.message] };
}

function promptOf(
  { pictures }: PictureFile,
  prompts: readonly BenchmarkPrompt[],
  count: number,
): BenchmarkPrompt | undefined {
  return prompts[Math.floor((pictures[0] ?? 0) / count)];
}

async function picturesOf(
  files: readonly { readonly file: PictureFile; readonly prompt: BenchmarkPrompt | undefined }[],
  folder: string,
  seedOf: ReportFacts['seedOf'],
): Promise<readonly ReportPicture[]> {
  const shown: ReportPicture[] = [];
  for (const { file, prompt } of files) {
    const path = join(folder, file.path);
    const image = await readSmallPicture(path);
    // The check has told of it.
    if (image === undefined) continue;
    const [first = 0, ...others] = file.pictures;
    const value = `seed ${seedOf(first)}${others.length === 0 ? '' : ` to ${seedOf(first + others.length)}`}`;
    shown.push({ caption: prompt?.drawn ?? file.path, images: [image], path, value });
  }
  return shown;
}

/** "3 atoms" before "10 atoms", and names as the list has them. */
function inOrder(categories: readonly string[]): readonly string[] {
  const numbers = categories.map((category) => Number.parseInt(category, 10));
  if (numbers.some(Number.isNaN)) return categories;
  return [...categories].sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10));
}
