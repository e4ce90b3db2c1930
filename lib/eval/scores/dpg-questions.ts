/** DPG-Bench's questions, and the answers of its model to them. Source: TencentQQGYLab/ELLA, dpg_bench/compute_dpg_bench.py. */
import { SvgT2IError } from '../../errors.js';
import { parseCsv } from '../layouts/csv.js';
import { dpgId } from '../layouts/dpg-id.js';
import { BrokenLines, linesOf } from './result-lines.js';

export interface Question {
  /** proposition_id. */
  readonly id: number;
  readonly text: string;
  /** Of its item. */
  readonly prompt: string;
  /** "entity - whole". */
  readonly category: string;
  /** Questions that must be answered yes for this one to count; 0 is none. */
  readonly parents: readonly number[];
}

/** Questions by item, in the file's order. */
export type QuestionList = ReadonlyMap<string, readonly Question[]>;

const COLUMNS = [
  'item_id',
  'text',
  'proposition_id',
  'dependency',
  'tuple',
  'question_natural_language',
] as const;

/**
 * dpg_bench.csv as the scorer reads it: without its first row, and of an item whose rows lie apart the last part alone.
 *
 * @throws SvgT2IError ERR_SVGT2I_FILE_FORMAT for another file
 */
export function readQuestions(text: string, path: string): QuestionList {
  const wrong = (where: string, what: string) =>
    new SvgT2IError('ERR_SVGT2I_FILE_FORMAT', `${path}${where}: ${what}`, {
      hint: 'DPG-Bench has its questions in dpg_bench/dpg_bench.csv.',
    });
  const [header, ...rows] = parseCsv(text, path);
  const places = COLUMNS.map((name) => header?.fields.indexOf(name) ?? -1);
  const missing = COLUMNS.filter((_, i) => places[i] === -1);
  if (missing.length > 0) throw wrong('', `no column ${missing.join(', ')}`);
  const items = new Map<string, Question[]>();
  let before: string | undefined;
  for (const { line, fields } of rows.slice(1)) {
    const [item = '', prompt = '', id = '', dependency = '', tuple = '', question = ''] = places.map(
      (at) => fields[at] ?? '',
    );
    const parents = dependency.split(',').map((parent) => Number(parent.trim() || Number.NaN));
    if (item === '' || !Number.isInteger(Number(id)) || !parents.every(Number.isInteger)) {
      throw wrong(`:${line}`, `no question: ${fields.slice(0, 4).join(', ')}`);
    }
    const own = item === before ? (items.get(item) ?? []) : [];
    items.set(item, own);
    const category = tuple.split('(')[0]?.trim() ?? '';
    own.push({ id: Number(id), text: question, prompt, category, parents });
    before = item;
  }
  if (items.size === 0) throw wrong('', 'no questions');
  return items;
}

/** Answers to an item's questions, in their order, for each of its pictures in turn. */
export type AnswerList = ReadonlyMap<string, readonly (readonly Answer[])[]>;

export interface Answer {
  readonly question: Question;
  readonly isYes: boolean;
}

const DETAIL = /^(.*), (\(-?\d+, -?\d+, -?\d+, -?\d+\)), (.*)$/;

/**
 * The `_detail.txt` beside a result: a line for each question of each picture. Lines of several processes may be mixed, those
 * of one picture are in order.
 *
 * @throws SvgT2IError ERR_SVGT2I_FILE_FORMAT where an answer is to no question of the list
 */
export function readAnswers(text: string, path: string, questions: QuestionList): AnswerList {
  const broken = new BrokenLines(path);
  const items = new Map<string, { readonly crops: Map<string, Answer[]> }>();
  for (const line of linesOf(text)) {
    const [, image = '', crop = '', rest = ''] = DETAIL.exec(line.text) ?? [];
    const item = dpgId(image);
    const asked = questions.get(item);
    if (image === '' || asked === undefined) {
      broken.add(line.number, image === '' ? 'no answer of the scorer' : `no questions of "${item}"`);
      continue;
    }
    const { crops } = items.get(item) ?? { crops: new Map<string, Answer[]>() };
    items.set(item, { crops });
    const answers = crops.get(crop) ?? [];
    crops.set(crop, answers);
    // A picture that was scored twice answers everything twice: the last time counts.
    if (answers.length === asked.length) answers.length = 0;
    const question = asked[answers.length];
    if (question === undefined || !rest.startsWith(`${question.text}, `)) {
      broken.add(line.number, `another question than the list's: ${rest}`);
      continue;
    }
    answers.push({ question, isYes: rest.slice(question.text.length + 2) === 'yes' });
  }
  broken.check();
  return new Map([...items].map(([item, { crops }]) => [item, [...crops.values()]]));
}

/** Share of yes of one picture, with questions zeroed whose parents were answered no, in the scorer's order. */
export function scoreOf(answers: readonly Answer[]): number {
  const scores = new Map(answers.map(({ question, isYes }) => [question.id, isYes ? 1 : 0]));
  for (const { question } of answers) {
    if (question.parents.some((parent) => parent !== 0 && scores.get(parent) === 0))
      scores.set(question.id, 0);
  }
  return [...scores.values()].reduce((sum, score) => sum + score, 0) / scores.size;
}
