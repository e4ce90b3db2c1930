/** `svg-t2i eval shapes`: how many pictures of held-out prompts show what they should. */

import { join } from 'node:path';
import { Command } from 'commander';
import { SvgT2IError } from '../../../errors.js';
import { printable } from '../../../printable.js';
import { SHAPES_SETTINGS } from '../../../shapes/settings.js';
import { CATEGORIES } from '../../../shapes/vocabulary.js';
import { parseCategories, parseInteger } from '../../arguments.js';
import {
  addConfigFlags,
  addFlags,
  type CommonOptions,
  flagNames,
  flagTree,
  MODEL_FLAGS,
  parseSize,
  SAMPLE_FLAGS,
} from '../../flags.js';
import type { DrawConfig } from '../../sample-config.js';

interface EvalFlags extends CommonOptions {
  readonly count?: string;
  readonly seed: string;
  readonly categories: string;
  readonly images?: string;
  readonly reconstruct?: boolean;
  readonly size?: string;
  readonly output: string;
  readonly [flag: string]: unknown;
}

/** Of pictures; count and seed are the evaluation's own. */
const pictureFlags = SAMPLE_FLAGS.filter(({ path }) => path !== 'sample.count' && path !== 'sample.seed');
const flags = [...pictureFlags, ...MODEL_FLAGS];

const EXAMPLES = `
Draws prompts of GenEval's six categories whose combinations no training set holds, finds the shapes in the pixels by
plain image analysis, and judges them by GenEval's rules: all that is named must be there in its number and colour,
and where it should be. Prints the part that is right in each category, and the mean of the categories.

Without --pretrained (or SVG_T2I_PRETRAINED) it measures the small model that comes with the package.
Unless said otherwise pictures have ${sizeText()} pixels, take ${SHAPES_SETTINGS.steps} steps and are drawn
${SHAPES_SETTINGS.batchSize} at a time.

Beside sheet.png, with wrong pictures framed in red, failures.jsonl has a line for each of them with the reasons, and
report.html shows all of it as a page.

Examples:
  svg-t2i eval shapes --seed 3
  svg-t2i eval shapes --pretrained my-model --count 10 --steps 20 --json
  svg-t2i dataset shapes --out data/held-out --count 600 --split held-out
  svg-t2i eval shapes --images data/held-out
  svg-t2i eval shapes --reconstruct
`;

export function evalShapesCommand(): Command {
  const shapes = new Command('shapes')
    .description('draw held-out scenes of shapes and judge what is in the pictures')
    .option('--count <n>', 'prompts of each category (default: 50, or all of --images)')
    .option('--seed <n>', 'of the prompts and of the pictures', '0')
    .option('--categories <list>', 'some of the categories, with commas between', CATEGORIES.join())
    .option('--images <folder>', 'judge the pictures that shapes.jsonl lists there; nothing is drawn')
    .option('--reconstruct', "judge the autoencoder's reconstructions of drawn scenes; only it is needed")
    .option(
      '-o, --output <folder>',
      'where report.html, sheet.png and failures.jsonl go',
      join('output', 'eval-shapes'),
    )
    .option('--json', 'print one JSON object')
    .option('--verbose', 'show stack traces')
    .optionsGroup('Pictures:')
    .option('--size <WxH>', `width and height in pixels (default: ${sizeText()})`);
  addFlags(shapes, 'Pictures:', pictureFlags);
  addFlags(shapes, 'Models:', MODEL_FLAGS);
  addConfigFlags(shapes);
  shapes.addHelpText('after', EXAMPLES).action(runEval);
  return shapes;
}

function sizeText(): string {
  return `${SHAPES_SETTINGS.width}x${SHAPES_SETTINGS.height}`;
}

async function runEval(options: EvalFlags): Promise<void> {
  const [{ evalFolder, evalModel, evalReconstructions }, { shellCommand }] = await Promise.all([
    import('../../eval-shapes.js'),
    import('../../../eval/command-line.js'),
  ]);
  const evalOptions = {
    output: options.output,
    categories: parseCategories(options.categories),
    perCategory:
      options.count === undefined
        ? undefined
        : parseInteger('--count', options.count, { least: 1, most: 10_000 }),
    json: options.json === true,
    command: shellCommand(process.argv.slice(2)),
  };
  const seed = parseInteger('--seed', options.seed, { least: 0, most: 2 ** 47 });
  if (options.images !== undefined) {
    if (options.reconstruct === true) {
      throw new SvgT2IError('ERR_SVGT2I_USAGE', '--images and --reconstruct exclude each other');
    }
    await evalFolder(options.images, evalOptions);
    return;
  }
  const config = await resolveConfig(options);
  if (options.printConfig === true) {
    const [{ printConfig }, { printedConfig }] = await Promise.all([
      import('../../../config/load.js'),
      import('../../sample-config.js'),
    ]);
    process.stdout.write(printable(printConfig(printedConfig(config))));
    return;
  }
  if (options.reconstruct === true) await evalReconstructions(config, seed, evalOptions);
  else await evalModel(config, seed, evalOptions);
}

async function resolveConfig(options: EvalFlags): Promise<DrawConfig> {
  const [{ merge }, { EMBEDDED_MODEL }, { loadSampleConfig }] = await Promise.all([
    import('../../../config/load.js'),
    import('../../../release/embedded-model.js'),
    import('../../sample-config.js'),
  ]);
  const size = options.size === undefined ? {} : { sample: parseSize(options.size) };
  return loadSampleConfig({
    defaults: { model: { pretrained: EMBEDDED_MODEL }, sample: { ...SHAPES_SETTINGS } },
    file: options.config,
    environment: process.env,
    flags: merge(flagTree(flags, options), size),
    set: options.set,
    nameOf: flagNames(flags, options),
  });
}
