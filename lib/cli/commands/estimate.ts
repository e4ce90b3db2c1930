/** `svg-t2i estimate`: memory and time before anything is loaded. */
import { Command } from 'commander';
import {
  addConfigFlags,
  addFlags,
  ESTIMATE_FLAGS,
  flagNames,
  flagTree,
  MODEL_FLAGS,
  parseSize,
  SAMPLE_FLAGS,
} from '../flags.js';

interface EstimateFlags {
  readonly size?: string;
  readonly config?: string;
  readonly set?: readonly string[];
  readonly json?: boolean;
  readonly [flag: string]: unknown;
}

const EXAMPLES = `
Of weights the headers alone are read, and this machine is tried for a second with products of the model's own shapes.
Memory is what the process takes at most; time is that of this machine as busy as it is now. Of a GPU that is not here
(--device cuda) memory is counted and no time is told.

Examples:
  svg-t2i estimate --pretrained svg-t2i --size 1024x1024
  svg-t2i estimate --model 2B --size 512x512 --steps 25 --dtype bf16
  svg-t2i estimate --model 2B --device cuda --batch-size 4
  svg-t2i estimate --pretrained pre-trained --prompts 1000 --count 4 --json
`;

const flags = [...ESTIMATE_FLAGS, ...SAMPLE_FLAGS, ...MODEL_FLAGS];

export function estimateCommand(): Command {
  const command = new Command('estimate')
    .description('say what pictures take in memory and time, before anything is loaded')
    .optionsGroup('Pictures:')
    .option('--size <WxH>', 'width and height in pixels (default: 1024x1024)');
  addFlags(command, 'Pictures:', [...ESTIMATE_FLAGS, ...SAMPLE_FLAGS]);
  addFlags(command, 'Models:', MODEL_FLAGS);
  addConfigFlags(command);
  return command
    .optionsGroup('General:')
    .option('--json', 'print one JSON object')
    .option('--verbose', 'show stack traces')
    .addHelpText('after', EXAMPLES)
    .action(runEstimate);
}

async function runEstimate(options: EstimateFlags): Promise<void> {
  const [{ estimateAsked }, { printEstimate }, { printJson }, { listenForInterrupt }, { merge }] =
    await Promise.all([
      import('../estimate-run.js'),
      import('../estimate-report.js'),
      import('../output.js'),
      import('../signals.js'),
      import('../../config/load.js'),
    ]);
  const { estimate: asked = {}, ...given } = flagTree(flags, options);
  const size = options.size === undefined ? {} : { sample: parseSize(options.size) };
  const nameOfFlag = flagNames(flags, options);
  using interrupt = listenForInterrupt();
  const found = await estimateAsked(asked, {
    signal: interrupt.signal,
    sources: {
      file: options.config,
      environment: process.env,
      flags: merge(given, size),
      set: options.set,
      nameOf: (path) =>
        options.size !== undefined && /^sample\.(width|height)$/.test(path) ? '--size' : nameOfFlag(path),
    },
  });
  if (options.json === true) printJson(found);
  else printEstimate(found);
}
