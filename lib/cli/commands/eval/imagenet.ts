/** `svg-t2i eval imagenet`: the figures of a class-conditional model, as papers print them. */
import { Command } from 'commander';
import { imagenetSchema, PUBLISHED_SAMPLER } from '../../../config/eval/imagenet.js';
import { merge } from '../../../config/load.js';
import { settingsSchema } from '../../../config/request.js';
import { unwrap } from '../../../config/validate.js';
import {
  addConfigFlags,
  addFlags,
  addOutputModeFlags,
  type CommonOptions,
  type Flag,
  flagNames,
  flagTree,
  MODEL_FLAGS,
  parseSize,
  SAMPLE_FLAGS,
  sectionFlags,
  toNumber,
} from '../../flags.js';

interface ImagenetOptions extends CommonOptions {
  readonly size?: string;
  readonly [flag: string]: unknown;
}

const protocolFlags = sectionFlags('imagenet', imagenetSchema, [
  { flags: '--reference <file>', key: 'reference' },
  { flags: '--inception <file>', key: 'inception' },
  { flags: '-o, --out <folder>', key: 'out' },
  { flags: '--count <n>', key: 'count', parse: toNumber },
  { flags: '--classes <order>', key: 'classes' },
  { flags: '--num-classes <n>', key: 'numClasses', parse: toNumber },
  { flags: '--nproc <n>', key: 'nproc', parse: toNumber },
  { flags: '--skip-existing', key: 'skipExisting' },
  { flags: '--no-skip-existing', key: 'skipExisting', description: 'draw all pictures again' },
  { flags: '--on-mismatch <mode>', key: 'onMismatch' },
  { flags: '--neighbours <n>', key: 'neighbours', parse: toNumber },
  { flags: '--workers <n>', key: 'workers', parse: toNumber },
  { flags: '--spill-megabytes <n>', key: 'spillMegabytes', parse: toNumber },
]);

/** A class is no text, and the protocol counts pictures and seeds. */
const LEFT_OUT = ['count', 'seedMode', 'negativePrompt', 'systemPrompt'].map((key) => `sample.${key}`);
const sampleFlags = SAMPLE_FLAGS.filter(({ path }) => !LEFT_OUT.includes(path)).map(asPublished);
const flags = [...protocolFlags, ...sampleFlags, ...MODEL_FLAGS];

/** A flag whose default is here not that of its schema. */
function asPublished(flag: Flag): Flag {
  const key = flag.path.replace('sample.', '');
  if (!(key in PUBLISHED_SAMPLER)) return flag;
  const own = settingsSchema.shape[key as keyof typeof PUBLISHED_SAMPLER];
  const usual = PUBLISHED_SAMPLER[key as keyof typeof PUBLISHED_SAMPLER];
  return {
    ...flag,
    schema: unwrap(own)
      .default(usual)
      .describe(own.description ?? ''),
  };
}

const EXAMPLES = `
Draws the samples of a class-conditional model (SVG, RAE), packs them as samples.npz, and computes FID, sFID, Inception Score,
precision and recall as ADM's evaluator does: FID and sFID against the mu and sigma of the reference, precision and recall
against its pictures. Prints the figures on one line with all that decides them: papers print the line, others can repeat it.

SVG is sampled as its figures are where nothing else is said: 256x256, 25 Euler steps, shift 0.15, guidance 1.5 but for
the first step (--guidance-schedule cfg_star-1-0). Without guidance: --guidance 1. Picture i has the seed --seed + i, whoever
draws it, so that a run on several processes (--nproc), or one that was stopped and started again, draws the same pictures.
Balanced classes give an FID that is lower by about 0.1 than random ones: say which, as the line does.

The folder holds images/, samples.npz (which ADM's own evaluator takes), run.json, results.json and report.html. The published
reference is VIRTUAL_imagenet256_labeled.npz of ADM (guided-diffusion), the network FID's Inception of 2015.

Examples:
  svg-t2i eval imagenet --pretrained SVG --reference VIRTUAL_imagenet256_labeled.npz \\
    --inception weights-inception-2015-12-05-6726825d.pth -o figures/cfg1.5 --nproc 8
  svg-t2i eval imagenet --pretrained SVG ... --guidance 1 -o figures/no-cfg
  svg-t2i eval imagenet --pretrained SVG ... --count 5000 -o figures/quick
`;

export function evalImagenetCommand(): Command {
  const command = new Command('imagenet')
    .description("a class-conditional model's FID, sFID, IS, precision and recall by ADM's protocol")
    .optionsGroup('Pictures:')
    .option('--size <WxH>', 'width and height in pixels (default: 256x256 of SVG)');
  addFlags(command, 'Protocol:', protocolFlags);
  addFlags(command, 'Pictures:', sampleFlags);
  addFlags(command, 'Models:', MODEL_FLAGS);
  addConfigFlags(command, 'imagenet, model and sample');
  addOutputModeFlags(command);
  return command.addHelpText('after', EXAMPLES).action(runImagenetCommand);
}

async function runImagenetCommand(options: ImagenetOptions): Promise<void> {
  const { evalImagenet } = await import('../../eval-imagenet.js');
  const size = options.size === undefined ? {} : { sample: parseSize(options.size) };
  const nameOfFlag = flagNames(flags, options);
  await evalImagenet(
    {
      file: options.config,
      environment: process.env,
      flags: merge(flagTree(flags, options), size),
      set: options.set,
      nameOf: (path) => {
        const side = /^sample\.(width|height)$/.exec(path)?.[1];
        return side !== undefined && options.size !== undefined ? `--size: ${side}` : nameOfFlag(path);
      },
    },
    { json: options.json === true, printConfig: options.printConfig === true },
  );
}
