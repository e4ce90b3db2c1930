/** GenEval's folder: a folder of five digits a prompt, with its line of the list and the pictures. */
import { z } from 'zod';
import { drawnPrompt } from './drawn-prompt.js';
import { readJsonRows } from './json-rows.js';
import { type BenchmarkPrompt, fiveDigits, type LayoutPlan } from './plan.js';

const clause = z.looseObject({
  class: z.string().min(1),
  count: z.number().int().min(0),
  color: z.string().min(1).optional(),
  position: z.tuple([z.string().min(1), z.number().int().min(0)]).optional(),
});

/** What the scorer reads of metadata.jsonl; it stops without tag or prompt. */
export const genevalRowSchema = z.looseObject({
  tag: z.string().min(1),
  include: z.array(clause).min(1),
  exclude: z.array(clause).optional(),
  prompt: z.string().min(1),
});

export interface GenevalPrompt extends BenchmarkPrompt {
  /** Its object, as in the list. */
  readonly row: z.output<typeof genevalRowSchema>;
  /** The object's text, as it stands in the list. */
  readonly text: string;
}

const HINT =
  'GenEval has a JSON object a line: {"tag", "include": [{"class", "count"}], "prompt"}, as prompts/evaluation_metadata.jsonl of djghosh13/geneval.';

/**
 * GenEval's list of prompts (evaluation_metadata.jsonl, 553 lines), or one whose lines hold a rewritten prompt as well.
 *
 * Source: djghosh13/geneval af4902f, evaluation/evaluate_images.py.
 *
 * @param promptKey of the text that is drawn: `prompt`, or `refined_prompt` where another wrote a longer one
 * @throws SvgT2IError ERR_SVGT2I_FILE_NOT_FOUND, ERR_SVGT2I_IO, or ERR_SVGT2I_FILE_FORMAT with the lines that are bad
 */
export async function readGenevalPrompts(
  path: string,
  promptKey = 'prompt',
): Promise<readonly GenevalPrompt[]> {
  const rows = await readJsonRows(path, genevalRowSchema, HINT);
  return drawnPrompt(rows, { path, promptKey }).map(({ line, text, value: row, drawn }) => {
    const { prompt, tag } = row;
    return { prompt, drawn, category: tag, where: `${path}:${line}`, row, text };
  });
}

/** Which files there will be: NNNNN/metadata.jsonl and NNNNN/samples/NNNNN.png, both counted from 0. */
export function planGeneval(prompts: readonly GenevalPrompt[], imagesPerPrompt: number): LayoutPlan {
  return {
    texts: prompts.map(({ text }, i) => ({ path: `${fiveDigits(i)}/metadata.jsonl`, text: `${text}\n` })),
    pictures: prompts.flatMap((_, i) =>
      Array.from({ length: imagesPerPrompt }, (_, j) => ({
        path: `${fiveDigits(i)}/samples/${fiveDigits(j)}.png`,
        pictures: [i * imagesPerPrompt + j],
      })),
    ),
    lastTexts: [],
  };
}
