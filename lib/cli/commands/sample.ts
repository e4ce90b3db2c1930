import { Command } from 'commander';
import type { ConfigSources } from '../../config/load.js';
import type { Repetition } from '../../pipeline/repeat.js';
import { printable } from '../../printable.js';
import type { RepeatedPicture } from '../draw.js';
import {
  addConfigFlags,
  addFlags,
  addOutputModeFlags,
  type CommonOptions,
  collect,
  flagNames,
  flagTree,
  MODEL_FLAGS,
  OUTPUT_FLAGS,
  parseSize,
  SAMPLE_FLAGS,
} from '../flags.js';
import type { DrawConfig } from '../sample-config.js';

interface SampleOptions extends CommonOptions {
  readonly size?: string;
  readonly prompts?: string;
  readonly from?: string;
  readonly class?: readonly string[];
  readonly [flag: string]: unknown;
}

const flags = [...SAMPLE_FLAGS, ...OUTPUT_FLAGS, ...MODEL_FLAGS];

const EXAMPLES = `
Where pictures go:
  -o picture.png   one picture; more get a number before the extension
  -o folder        INDEX-seedSEED.png for each picture (the default, in the current folder, is the same)
  -o -             one picture to stdout

Examples:
  svg-t2i sample "a red fox in the snow" -o fox.png
  svg-t2i sample "a red fox" --count 4 --seed 100 --grid -o foxes/
  svg-t2i sample --prompts prompts.jsonl --size 1280x720 --skip-existing --manifest out/all.jsonl -o out/
  echo "a lighthouse at dusk" | svg-t2i sample --solver euler --steps 30 -o - > lighthouse.png
  svg-t2i sample --from fox.png --steps 80 -o fox-again.png
  svg-t2i sample --pretrained SVG --class 207 --class "tabby cat" --class-names imagenet.txt -o classes/
  svg-t2i sample --config sample.yaml --set sample.steps=20 "a cup of tea" --print-config
`;

export function sampleCommand(): Command {
  const command = new Command('sample')
    .description('draw pictures from prompts, or of classes')
    .argument('[prompt]', 'what to draw; - or nothing reads one prompt a line from stdin')
    .optionsGroup('Pictures:')
    .option('--prompts <file>', 'prompts from a .txt, .json or .jsonl file')
    .option(
      '--class <number or name>',
      'what a class-conditional model draws, in place of a prompt; may be repeated',
      collect,
    )
    .option(
      '--from <picture>',
      'draw a picture of svg-t2i again: its prompt and settings, below those of flags and --set',
    )
    .option(
      '--size <WxH>',
      'width and height in pixels, multiples of 16 with the published models (default: 1024x1024)',
    );
  addFlags(command, 'Pictures:', SAMPLE_FLAGS);
  addFlags(command, 'Output:', OUTPUT_FLAGS);
  addFlags(command, 'Models:', MODEL_FLAGS);
  addConfigFlags(command);
  addOutputModeFlags(command);
  return command.addHelpText('after', EXAMPLES).action(runSample);
}

async function runSample(prompt: string | undefined, options: SampleOptions): Promise<void> {
  const from = options.from === undefined ? undefined : await readRepeated(options.from);
  const config = await resolveConfig(options, from?.repetition);
  const how = { json: options.json === true, verbose: options.verbose, from };
  if (options.printConfig === true) {
    const [{ printConfig }, { printedConfig }] = await Promise.all([
      import('../../config/load.js'),
      import('../sample-config.js'),
    ]);
    process.stdout.write(printable(printConfig(printedConfig(config))));
    return;
  }
  if (options.class !== undefined) {
    if (prompt !== undefined || options.prompts !== undefined) {
      const { SvgT2IError } = await import('../../errors.js');
      throw new SvgT2IError('ERR_SVGT2I_USAGE', 'a class and a prompt were both given', {
        hint: 'A class-conditional model takes --class, others a prompt.',
      });
    }
    const { drawAll } = await import('../draw.js');
    await drawAll(config, { classes: options.class }, how);
    return;
  }
  const [{ gatherPrompts }, { drawAll }] = await Promise.all([import('../prompts.js'), import('../draw.js')]);
  const repeatsClass = from?.repetition.class;
  if (repeatsClass !== undefined && prompt === undefined && options.prompts === undefined) {
    await drawAll(config, { classes: [repeatsClass] }, how);
    return;
  }
  const source = { argument: prompt, file: options.prompts, stdin: process.stdin };
  if (from !== undefined && prompt === undefined && options.prompts === undefined) {
    const { noPrompt } = await import('../../pipeline/repeat.js');
    if (from.repetition.prompt === undefined) throw noPrompt(from.picture);
  }
  const prompts = await gatherPrompts({ ...source, repeated: from?.repetition.prompt });
  await drawAll(config, { prompts }, how);
}

async function readRepeated(picture: string): Promise<RepeatedPicture> {
  const [{ requireParameters }, { repetitionOf }] = await Promise.all([
    import('../picture-parameters.js'),
    import('../../pipeline/repeat.js'),
  ]);
  const parameters = await requireParameters(picture);
  return { picture, parameters, repetition: repetitionOf(parameters, picture) };
}

async function resolveConfig(
  options: SampleOptions,
  repetition: Repetition | undefined,
): Promise<DrawConfig> {
  const [{ merge }, { loadSampleConfig }] = await Promise.all([
    import('../../config/load.js'),
    import('../sample-config.js'),
  ]);
  const given = flagTree(flags, options);
  const size = options.size === undefined ? {} : { sample: parseSize(options.size) };
  const repeated =
    repetition === undefined ? {} : { sample: { ...repetition.settings }, model: { ...repetition.models } };
  const nameOfFlag = flagNames(flags, options);
  const ofClass = options.class !== undefined || repetition?.class !== undefined;
  const sources: ConfigSources = {
    file: options.config,
    environment: process.env,
    flags: merge(merge(repeated, given), size),
    set: options.set,
    nameOf: (path) => {
      const side = /^sample\.(width|height)$/.exec(path)?.[1];
      return side !== undefined && options.size !== undefined ? `--size: ${side}` : nameOfFlag(path);
    },
  };
  return loadSampleConfig(sources, { ofClass });
}
