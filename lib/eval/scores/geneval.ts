/** GenEval's results.jsonl: a line a picture. Source: djghosh13/geneval, evaluation/evaluate_images.py and summary_scores.py. */
import { z } from 'zod';
import { issuesText } from '../../config/validate.js';
import { SvgT2IError } from '../../errors.js';
import { BrokenLines, counted, jsonOf, linesOf } from './result-lines.js';
import type { FigureSpec, RunScores, ScoredPicture, ScoredPrompt, Tally } from './run-scores.js';

/** Tasks in the order of the paper's table, with the prompts that the benchmark has of each: 553 together. */
const TASKS: ReadonlyMap<string, { readonly title: string; readonly prompts: number }> = new Map([
  ['single_object', { title: 'single object', prompts: 80 }],
  ['two_object', { title: 'two objects', prompts: 99 }],
  ['counting', { title: 'counting', prompts: 80 }],
  ['colors', { title: 'colors', prompts: 94 }],
  ['position', { title: 'position', prompts: 100 }],
  ['color_attr', { title: 'color attribution', prompts: 100 }],
]);
const ALL_PROMPTS = [...TASKS.values()].reduce((sum, { prompts }) => sum + prompts, 0);
/** That published figures are of. */
const USUAL_PICTURES = 4;

const lineSchema = z.looseObject({
  filename: z.string().min(1),
  tag: z.string().min(1),
  // pandas writes true and false; ports that write 0 and 1 have the same mean.
  correct: z.union([z.boolean(), z.literal(0), z.literal(1)]),
  prompt: z.string().nullish(),
  reason: z.string().nullish(),
  metadata: z.union([z.string(), z.record(z.string(), z.unknown())]).nullish(),
});

type ResultLine = z.output<typeof lineSchema>;

/**
 * Scores by task: the share of correct pictures in each, and their mean; as the scorer's summary counts.
 *
 * @throws SvgT2IError ERR_SVGT2I_FILE_FORMAT with the numbers of broken lines
 */
export function readGeneval(text: string, { name, path }: Pick<RunScores, 'name' | 'path'>): RunScores {
  const lines = parseLines(text, path);
  const tags = [...new Set(lines.map(({ tag }) => tag))];
  const known = [...TASKS.keys()].filter((tag) => tags.includes(tag));
  const tasks = [...known, ...tags.filter((tag) => !TASKS.has(tag)).sort()];
  const prompts = promptsOf(lines);
  return {
    as: 'geneval',
    name,
    path,
    figures: figuresOf(tasks),
    prompts,
    told: new Map(),
    pictures: lines.map(pictureOf),
    warnings: warningsOf(lines, prompts, tasks),
  };
}

function parseLines(text: string, path: string): readonly ResultLine[] {
  const broken = new BrokenLines(path);
  const lines = linesOf(text).flatMap((line) => {
    const value = jsonOf(line.text);
    if (value === undefined) {
      broken.add(line.number, 'no JSON');
      return [];
    }
    const parsed = lineSchema.safeParse(value, { reportInput: true });
    if (parsed.success) return [parsed.data];
    broken.add(line.number, issuesText(lineSchema, parsed.error));
    return [];
  });
  broken.check();
  if (lines.length > 0) return lines;
  throw new SvgT2IError('ERR_SVGT2I_FILE_FORMAT', `${path} has no results`);
}

function figuresOf(tasks: readonly string[]): readonly FigureSpec[] {
  return [
    ...tasks.map((tag) => ({ key: tag, title: TASKS.get(tag)?.title ?? tag, group: 'main' as const })),
    { key: 'overall', title: 'overall', meanOf: tasks, group: 'main' },
    { key: 'correct_images', title: 'correct pictures', group: 'detail' },
    { key: 'correct_prompts', title: 'prompts with a correct picture', group: 'detail' },
  ];
}

/** Pictures of one prompt together, as the scorer has them: by the text of its metadata. */
function promptsOf(lines: readonly ResultLine[]): readonly ScoredPrompt[] {
  const groups = new Map<string, ResultLine[]>();
  for (const line of lines) {
    const id =
      typeof line.metadata === 'string' ? line.metadata : JSON.stringify(line.metadata ?? line.prompt);
    const group = groups.get(`${line.tag}\n${id}`) ?? [];
    groups.set(`${line.tag}\n${id}`, group);
    group.push(line);
  }
  const used = new Map<string, number>();
  return [...groups.keys()].sort().map((id) => {
    const group = groups.get(id) ?? [];
    const asked = askedOf(group[0] as ResultLine);
    const before = used.get(asked) ?? 0;
    used.set(asked, before + 1);
    const right = group.filter(isCorrect).length;
    const tag = group[0]?.tag ?? '';
    return {
      key: before === 0 ? asked : `${asked}#${before}`,
      stratum: tag,
      pictures: group.length,
      tallies: new Map<string, Tally>([
        [tag, { sum: right, count: group.length }],
        ['correct_images', { sum: right, count: group.length }],
        ['correct_prompts', { sum: right > 0 ? 1 : 0, count: 1 }],
      ]),
    };
  });
}

/** What a prompt asks for, in whatever words: a rewritten one is still the same prompt of the benchmark. */
function askedOf({ tag, metadata, prompt }: ResultLine): string {
  const parsed = typeof metadata === 'string' ? jsonOf(metadata) : metadata;
  if (typeof parsed !== 'object' || parsed === null) return JSON.stringify([tag, prompt ?? '']);
  const { include, exclude } = parsed as Readonly<Record<string, unknown>>;
  if (include === undefined) return JSON.stringify([tag, prompt ?? '']);
  return JSON.stringify([tag, include, exclude ?? []]);
}

function isCorrect({ correct }: ResultLine): boolean {
  return correct === true || correct === 1;
}

function pictureOf(line: ResultLine): ScoredPicture {
  const correct = isCorrect(line);
  return {
    path: line.filename,
    prompt: line.prompt ?? undefined,
    score: correct ? 1 : 0,
    correct,
    task: line.tag,
    reasons: (line.reason ?? '').split('\n').filter((reason) => reason !== ''),
  };
}

function warningsOf(
  lines: readonly ResultLine[],
  prompts: readonly ScoredPrompt[],
  tasks: readonly string[],
): readonly string[] {
  const warnings: string[] = [];
  const inTask = (tag: string) => prompts.filter(({ stratum }) => stratum === tag).length;
  const unlike = [...TASKS].filter(([tag, task]) => inTask(tag) !== task.prompts);
  if (unlike.length > 0) {
    const each = unlike.map(([tag, task]) => `${inTask(tag)} of ${task.prompts} of ${tag}`);
    warnings.push(
      `partial: ${prompts.length} prompts where the benchmark has ${ALL_PROMPTS} (${each.join(', ')})`,
    );
  }
  const foreign = tasks.filter((tag) => !TASKS.has(tag));
  if (foreign.length > 0) {
    warnings.push(`tasks that the benchmark has not, and that count for the mean: ${foreign.join(', ')}`);
  }
  const most = Math.max(...prompts.map(({ pictures }) => pictures));
  const fewer = prompts.filter(({ pictures }) => pictures < most).length;
  if (fewer > 0) warnings.push(`${counted(fewer, 'prompt')} with fewer than ${most} pictures`);
  if (most !== USUAL_PICTURES) {
    warnings.push(`${counted(most, 'picture')} a prompt; published figures are of ${USUAL_PICTURES}`);
  }
  const repeated = lines.length - new Set(lines.map(({ filename }) => filename)).size;
  if (repeated > 0) {
    warnings.push(
      `${counted(repeated, 'line')} of pictures that are there before: they count twice, as in the scorer`,
    );
  }
  return warnings;
}
