/** GenEval 2's folder: a picture a prompt, and one JSON object that leads from each prompt to its picture. */
import { z } from 'zod';
import { SvgT2IError } from '../../errors.js';
import { drawnPrompt } from './drawn-prompt.js';
import { badRows, readJsonRows } from './json-rows.js';
import { type BenchmarkPrompt, fiveDigits, type LayoutPlan } from './plan.js';

export const GENEVAL2_LIST = 'image_paths.json';

const SKILLS: readonly string[] = ['object', 'count', 'position', 'verb', 'attribute'];
const [FEWEST_ATOMS, MOST_ATOMS] = [3, 10];

const geneval2RowSchema = z
  .looseObject({
    prompt: z.string().min(1),
    atom_count: z
      .number()
      .int()
      .refine((count) => count >= FEWEST_ATOMS && count <= MOST_ATOMS, {
        error: `atom_count outside ${FEWEST_ATOMS}..${MOST_ATOMS}, where the analysis script stops`,
      }),
    vqa_list: z.array(z.tuple([z.string().min(1), z.string().min(1)])).min(1),
    skills: z.array(
      z.string().refine((skill) => SKILLS.includes(skill), {
        error: `a skill other than ${SKILLS.join(', ')}`,
      }),
    ),
  })
  .refine(({ vqa_list: questions, skills }) => questions.length === skills.length, {
    error: 'skills and vqa_list differ in length',
  });

export interface Geneval2Prompt extends BenchmarkPrompt {
  readonly row: z.output<typeof geneval2RowSchema>;
}

const HINT =
  'GenEval 2 has a JSON object a line: {"prompt", "atom_count", "vqa_list", "skills"}, as geneval2_data.jsonl of facebookresearch/GenEval2.';

/**
 * GenEval 2's list of prompts (geneval2_data.jsonl, 800 lines).
 *
 * Source: facebookresearch/GenEval2 a6e82d2, evaluation.py and soft_tifa_analysis.py.
 *
 * @param promptKey of the text that is drawn
 * @throws SvgT2IError ERR_SVGT2I_FILE_NOT_FOUND, ERR_SVGT2I_IO, or ERR_SVGT2I_FILE_FORMAT with the lines that are bad, or
 *   have the same prompt: the scorer looks pictures up by it
 */
export async function readGeneval2Prompts(
  path: string,
  promptKey = 'prompt',
): Promise<readonly Geneval2Prompt[]> {
  const rows = await readJsonRows(path, geneval2RowSchema, HINT);
  const first = new Map<string, number>();
  const twice = rows.flatMap(({ line, value: { prompt } }) => {
    const before = first.get(prompt);
    if (before === undefined) first.set(prompt, line);
    return before === undefined ? [] : [`${path}:${line}: the prompt of line ${before} again`];
  });
  if (twice.length > 0)
    throw badRows(twice, 'GenEval 2 finds a picture by its prompt: each may be there once.');
  return drawnPrompt(rows, { path, promptKey }).map(({ line, value: row, drawn }) => ({
    prompt: row.prompt,
    drawn,
    category: `${row.atom_count} atoms`,
    where: `${path}:${line}`,
    row,
  }));
}

/** What is no reason to refuse a list: one of the scorer's methods stops at it. */
export function geneval2Warnings(prompts: readonly Geneval2Prompt[]): readonly string[] {
  const braced = prompts.filter(({ prompt }) => /[{}]/.test(prompt));
  const [first] = braced;
  if (first === undefined) return [];
  const more = braced.length > 1 ? ` and ${braced.length - 1} more` : '';
  return [
    `${first.where}${more}: braces in a prompt stop the scorer's method vqascore (KeyError); tifa and soft_tifa_* take them`,
  ];
}

/** @throws SvgT2IError ERR_SVGT2I_USAGE for more than one picture a prompt */
export function planGeneval2(prompts: readonly Geneval2Prompt[], imagesPerPrompt: number): LayoutPlan {
  if (imagesPerPrompt !== 1) {
    throw new SvgT2IError(
      'ERR_SVGT2I_USAGE',
      `GenEval 2 takes one picture a prompt, not ${imagesPerPrompt}`,
      {
        hint: 'Leave --images-per-prompt out.',
      },
    );
  }
  const pictures = prompts.map((_, i) => ({ path: `images/${fiveDigits(i)}.png`, pictures: [i] }));
  // A prompt such as "__proto__" is a key as any other.
  const list = Object.fromEntries(prompts.map(({ prompt }, i) => [prompt, pictures[i]?.path]));
  const text = `${JSON.stringify(list, null, 1)}\n`;
  return { pictures, texts: [], lastTexts: [{ path: GENEVAL2_LIST, text }] };
}
