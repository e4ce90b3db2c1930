import { Command } from 'commander';
import type { SampleConfig } from '../../config/sample.js';
import { printable } from '../../printable.js';
import {
  addConfigFlags,
  addFlags,
  addOutputModeFlags,
  type CommonOptions,
  flagNames,
  flagTree,
  MODEL_FLAGS,
  OUTPUT_FLAGS,
  parseSize,
  SAMPLE_FLAGS,
} from '../flags.js';

interface SampleOptions extends CommonOptions {
  readonly size?: string;
  readonly prompts?: string;
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
  svg-t2i sample --config sample.yaml --set sample.steps=20 "a cup of tea" --print-config
`;

export function sampleCommand(): Command {
  const command = new Command('sample')
    .description('draw pictures from prompts')
    .argument('[prompt]', 'what to draw; - or nothing reads one prompt a line from stdin')
    .optionsGroup('Pictures:')
    .option('--prompts <file>', 'prompts from a .txt, .json or .jsonl file')
    .option('--size <WxH>', 'width and height in pixels, multiples of 16 (default: 1024x1024)');
  addFlags(command, 'Pictures:', SAMPLE_FLAGS);
  addFlags(command, 'Output:', OUTPUT_FLAGS);
  addFlags(command, 'Models:', MODEL_FLAGS);
  addConfigFlags(command);
  addOutputModeFlags(command);
  return command.addHelpText('after', EXAMPLES).action(runSample);
}

async function runSample(prompt: string | undefined, options: SampleOptions): Promise<void> {
  const config = await resolveConfig(options);
  if (options.printConfig === true) {
    const { printConfig } = await import('../../config/load.js');
    process.stdout.write(printable(printConfig(config)));
    return;
  }
  const [{ gatherPrompts }, { drawAll }] = await Promise.all([import('../prompts.js'), import('../draw.js')]);
  const prompts = await gatherPrompts({ argument: prompt, file: options.prompts, stdin: process.stdin });
  await drawAll(config, prompts, { json: options.json === true });
}

async function resolveConfig(options: SampleOptions): Promise<SampleConfig> {
  const [{ merge }, { loadSampleConfig }] = await Promise.all([
    import('../../config/load.js'),
    import('../sample-config.js'),
  ]);
  const given = flagTree(flags, options);
  const size = options.size === undefined ? {} : { sample: parseSize(options.size) };
  const nameOfFlag = flagNames(flags, options);
  return loadSampleConfig({
    file: options.config,
    environment: process.env,
    flags: merge(given, size),
    set: options.set,
    nameOf: (path) => {
      const side = /^sample\.(width|height)$/.exec(path)?.[1];
      return side !== undefined && options.size !== undefined ? `--size: ${side}` : nameOfFlag(path);
    },
  });
}
