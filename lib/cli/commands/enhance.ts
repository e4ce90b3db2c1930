import { Command } from 'commander';
import { addConfigFlags, addFlags, addOutputModeFlags, type CommonOptions, MODEL_FLAGS } from '../flags.js';
import { printJson, printLine } from '../output.js';
import { listenForInterrupt } from '../signals.js';

interface EnhanceOptions extends CommonOptions {
  readonly prompts?: string;
  readonly [flag: string]: unknown;
}

const EXAMPLES = `
A prompt has some 7,900 tokens at most: what the text encoder can go on from.

Examples:
  svg-t2i enhance "a cat on a chair"
  svg-t2i enhance --prompts prompts.txt > longer.txt
  svg-t2i enhance "a cat on a chair" | svg-t2i sample -o cat.png
`;

export function enhanceCommand(): Command {
  const command = new Command('enhance')
    .description('write a longer description of a prompt with the text encoder')
    .argument('[prompt]', 'what to describe; - or nothing reads one prompt a line from stdin')
    .option('--prompts <file>', 'prompts from a .txt, .json or .jsonl file');
  addFlags(command, 'Models:', MODEL_FLAGS);
  addConfigFlags(command);
  addOutputModeFlags(command);
  return command.addHelpText('after', EXAMPLES).action(runEnhance);
}

async function runEnhance(argument: string | undefined, options: EnhanceOptions): Promise<void> {
  const [{ loadModelConfig }, { gatherPrompts }, { SvgT2I }] = await Promise.all([
    import('../model-config.js'),
    import('../prompts.js'),
    import('../../pipeline.js'),
  ]);
  const model = await loadModelConfig(options);
  const prompts = await gatherPrompts({ argument, file: options.prompts, stdin: process.stdin });
  using interrupt = listenForInterrupt();
  const { signal } = interrupt;
  await using pipeline = await SvgT2I.load({ ...model, parts: ['textEncoder'], signal });
  for (const prompt of prompts) {
    const enhanced = await pipeline.enhancePrompt(prompt, { signal });
    if (options.json === true) printJson({ prompt, enhanced });
    else printLine(enhanced);
  }
}
