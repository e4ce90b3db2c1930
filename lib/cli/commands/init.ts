/** `svg-t2i init text-encoder`: a small text encoder for models that are trained from nothing. */
import { Command } from 'commander';
import { parseInteger } from '../arguments.js';
import { addOutputModeFlags, type CommonOptions } from '../flags.js';
import { printJson, printLine } from '../output.js';
import { listenForInterrupt } from '../signals.js';
import { prepareFolder } from '../write-file.js';

interface TextEncoderFlags extends CommonOptions {
  readonly captions: string;
  readonly out: string;
  readonly width: string;
  readonly layers: string;
  readonly seed: string;
}

const EXAMPLES = `
Writes a folder of Gemma-2's shape with random weights and a vocabulary of the words in the captions, one token a word;
other words are spelled. Random features tell words apart, and a word has much the same in any caption, which is enough
for a small vocabulary: the caption refiner of the transformer, which knows the words' places, learns what they mean.
Give it to train dit as frozen.textEncoder, and to sample.

Example:
  svg-t2i init text-encoder --captions data/shapes/shapes.jsonl --out models/mine/gemma-2-2b
`;

export function initCommand(): Command {
  const textEncoder = new Command('text-encoder')
    .description('write a small text encoder with a vocabulary of its own')
    .requiredOption('--captions <file>', 'a .jsonl, .json or .txt file whose words get tokens')
    .requiredOption('-o, --out <folder>', 'where it goes')
    .option('--width <n>', 'channels of a token, a multiple of 32', '128')
    .option('--layers <n>', 'layers; the features are those before the last', '2')
    .option('--seed <n>', 'of the weights', '0');
  addOutputModeFlags(textEncoder);
  textEncoder.addHelpText('after', EXAMPLES).action(initTextEncoder);
  return new Command('init').description('make parts of a model to begin with').addCommand(textEncoder);
}

async function initTextEncoder(flags: TextEncoderFlags): Promise<void> {
  const width = parseInteger('--width', flags.width, { least: 32, most: 8192, multipleOf: 32 });
  const layers = parseInteger('--layers', flags.layers, { least: 1, most: 100 });
  const seed = parseInteger('--seed', flags.seed, { least: 0, most: Number.MAX_SAFE_INTEGER });
  const [{ readPromptFile }, { wordsOf }, { writeSmallTextEncoder }, { Engine }] = await Promise.all([
    import('../../text/prompt-file.js'),
    import('../../text/word-tokenizer.js'),
    import('../../release/small-text-encoder.js'),
    import('../../engine.js'),
  ]);
  const captions = await readPromptFile(flags.captions);
  const words = wordsOf(captions.map(({ prompt }) => prompt));
  await prepareFolder(flags.out, 0);
  using interrupt = listenForInterrupt();
  await using engine = await Engine.create({ device: 'cpu' });
  const { vocabularySize, parameters } = await writeSmallTextEncoder(engine, flags.out, {
    words,
    width,
    layers,
    seed,
    signal: interrupt.signal,
  });
  if (flags.json === true) printJson({ folder: flags.out, words: words.length, vocabularySize, parameters });
  else printLine(`${flags.out}: ${words.length} words, ${vocabularySize} tokens, ${parameters} parameters`);
}
