/** Where prompts come from: the argument, a file, or stdin (one a line). */
import { SvgT2IError } from '../errors.js';
import { parsePrompts, readPromptFile } from '../text/prompt-file.js';
import { decodeUtf8 } from '../utf8.js';

export async function gatherPrompts(source: {
  readonly argument: string | undefined;
  readonly file: string | undefined;
  /** Of a picture that is to be drawn again: what is taken where no other is given. */
  readonly repeated?: string | undefined;
  readonly stdin: NodeJS.ReadStream;
}): Promise<readonly string[]> {
  const { argument, file, repeated, stdin } = source;
  if (file !== undefined) {
    if (argument !== undefined) {
      throw new SvgT2IError('ERR_SVGT2I_USAGE', 'a prompt and --prompts were both given', {
        hint: 'Give the prompt as an argument, or all prompts in the file.',
      });
    }
    return (await readPromptFile(file)).map((entry) => entry.prompt);
  }
  if (argument !== undefined && argument !== '-') return [argument];
  if (argument === undefined && repeated !== undefined) return [repeated];
  if (argument === undefined && stdin.isTTY) {
    throw new SvgT2IError('ERR_SVGT2I_USAGE', 'no prompt was given', {
      hint: 'For example: svg-t2i sample "a red fox in the snow" -o fox.png. Or pass --prompts FILE, or pipe prompts in.',
    });
  }
  const chunks: Buffer[] = [];
  for await (const chunk of stdin) chunks.push(Buffer.from(chunk));
  return parsePrompts(decodeUtf8(Buffer.concat(chunks), 'stdin'), '.txt', 'stdin').map(
    (entry) => entry.prompt,
  );
}
