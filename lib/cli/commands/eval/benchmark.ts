/** `svg-t2i eval geneval`, `geneval2` and `dpg`: a benchmark's pictures in its scorer's own layout. */
import { Command } from 'commander';
import { type BenchmarkKind, benchmarkSchema, benchmarkSeedSchema } from '../../../config/eval/generate.js';
import { SvgT2IError } from '../../../errors.js';
import type { GenerateConfig } from '../../../eval/generate/config.js';
import { printable } from '../../../printable.js';
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

interface BenchmarkFlags extends CommonOptions {
  readonly size?: string;
  readonly refined?: boolean;
  readonly promptKey?: string;
  readonly [flag: string]: unknown;
}

const BENCHMARK_FLAGS = sectionFlags('benchmark', benchmarkSchema, [
  { flags: '--prompts <file>', key: 'prompts' },
  { flags: '-o, --out <folder>', key: 'out' },
  { flags: '--images-per-prompt <n>', key: 'imagesPerPrompt', parse: toNumber },
  { flags: '--prompt-key <name>', key: 'promptKey' },
  { flags: '--seeds <rule>', key: 'seeds' },
  { flags: '--skip-existing', key: 'skipExisting' },
  { flags: '--no-skip-existing', key: 'skipExisting', description: 'draw all pictures again' },
  { flags: '--on-mismatch <mode>', key: 'onMismatch' },
  { flags: '--nproc <n>', key: 'nproc', parse: toNumber },
]);
/** The benchmark says how many pictures there are, and how their seeds are counted. */
const OWN_SEED: Flag = {
  flags: '--seed <n>',
  path: 'sample.seed',
  parse: toNumber,
  schema: benchmarkSeedSchema,
};
const PICTURE_FLAGS = [
  OWN_SEED,
  ...SAMPLE_FLAGS.filter(({ path }) => !/\.(count|seed|seedMode)$/.test(path)),
];
const flags = [...BENCHMARK_FLAGS, ...PICTURE_FLAGS, ...MODEL_FLAGS];

interface Words {
  readonly description: string;
  readonly layout: string;
  readonly examples: string;
}

const WORDS: Readonly<Record<BenchmarkKind, Words>> = {
  geneval: {
    description: "draw GenEval's prompts in its scorer's layout",
    layout: `--prompts is GenEval's evaluation_metadata.jsonl (553 lines), or one whose lines also have a prompt that a language
model wrote: the paper's figure is of those (--refined). The scorer is given OUT/images: a folder a prompt with its line as
metadata.jsonl, whatever is drawn, and samples/00000.png to 00003.png.`,
    examples: `  svg-t2i eval geneval --prompts evaluation_metadata.jsonl --out runs/geneval
  svg-t2i eval geneval --prompts geneval_metadata_long.jsonl --refined --out runs/geneval-long --nproc 8
  svg-t2i eval geneval --prompts evaluation_metadata.jsonl --seeds upstream --size 512x512 --out runs/geneval-512`,
  },
  geneval2: {
    description: "draw GenEval 2's prompts in its scorer's layout",
    layout: `--prompts is GenEval 2's geneval2_data.jsonl (800 lines). OUT/image_paths.json leads from each prompt to its picture in
OUT/images; its paths count from OUT, so the scorer is run there.`,
    examples: `  svg-t2i eval geneval2 --prompts geneval2_data.jsonl --out runs/geneval2`,
  },
  dpg: {
    description: "draw DPG-Bench's prompts in its scorer's layout",
    layout: `--prompts is the folder dpg_bench/prompts of ELLA (1065 files ID.txt), the dpg.jsonl of SVG-T2I ({"filename", "prompt"}), or
a .csv. The scorer is given OUT/images: one file ID.png a prompt, its four pictures in a 2 x 2 grid without gaps.`,
    examples: `  svg-t2i eval dpg --prompts dpg_bench/prompts --out runs/dpg
  svg-t2i eval dpg --prompts dpg.jsonl --out runs/dpg --nproc 2 --device cuda`,
  },
};

const GOES_ON = `
A run that was stopped or killed goes on where it was with the same command: pictures that are there are kept, as their
parameters tell. OUT/run.json holds all that is needed to draw it again, and another run is refused there. Once all are drawn,
the folder is checked as \`svg-t2i eval check\` does; OUT/report.html shows pictures of each category.
`;

export function benchmarkCommand(kind: BenchmarkKind): Command {
  const { description, layout, examples } = WORDS[kind];
  const command = new Command(kind).description(description);
  addFlags(command, 'Benchmark:', BENCHMARK_FLAGS);
  command
    .option('--refined', 'draw refined_prompt of each line: as --prompt-key refined_prompt')
    .optionsGroup('Pictures:')
    .option('--size <WxH>', 'width and height in pixels (default: 1024x1024, or as the release says)');
  addFlags(command, 'Pictures:', PICTURE_FLAGS);
  addFlags(command, 'Models:', MODEL_FLAGS);
  addConfigFlags(command, 'benchmark, model and sample');
  addOutputModeFlags(command);
  return command
    .addHelpText('after', `\n${layout}\n${GOES_ON}\nExamples:\n${examples}\n`)
    .action((options: BenchmarkFlags) => runBenchmark(kind, options));
}

async function runBenchmark(kind: BenchmarkKind, options: BenchmarkFlags): Promise<void> {
  refuseMissing(kind, options);
  const config = await resolveConfig(options);
  if (options.printConfig === true) {
    const [{ printConfig }, { printedGenerateConfig }] = await Promise.all([
      import('../../../config/load.js'),
      import('../../../eval/generate/config.js'),
    ]);
    process.stdout.write(printable(printConfig(printedGenerateConfig(config))));
    return;
  }
  const { drawAndReport } = await import('../../eval-benchmark.js');
  await drawAndReport(kind, config, { json: options.json === true });
}

async function resolveConfig(options: BenchmarkFlags): Promise<GenerateConfig> {
  const [{ merge }, { loadGenerateConfig }] = await Promise.all([
    import('../../../config/load.js'),
    import('../../../eval/generate/config.js'),
  ]);
  const size = options.size === undefined ? {} : { sample: parseSize(options.size) };
  const nameOfFlag = flagNames(flags, options);
  return loadGenerateConfig({
    file: options.config,
    environment: process.env,
    flags: merge(merge(flagTree(flags, options), size), refined(options)),
    set: options.set,
    nameOf: (path) => {
      const side = /^sample\.(width|height)$/.exec(path)?.[1];
      return side !== undefined && options.size !== undefined
        ? `--size: ${side}`
        : (nameOfFlag(path) ?? missing(path));
    },
  });
}

/** Where a file or --set may say it, the schema tells. */
function refuseMissing(kind: BenchmarkKind, options: BenchmarkFlags): void {
  if (options.config !== undefined || options.set !== undefined) return;
  const name = (['prompts', 'out'] as const).find((each) => options[each] === undefined);
  if (name === undefined) return;
  throw new SvgT2IError('ERR_SVGT2I_USAGE', `--${name} is missing`, {
    hint: `For example: svg-t2i eval ${kind} --prompts FILE --out FOLDER. svg-t2i eval ${kind} --help says which file.`,
  });
}

/** What has to be given has a flag, also where it was not. */
function missing(path: string): string | undefined {
  const [, name] = /^benchmark\.(prompts|out)$/.exec(path) ?? [];
  return name === undefined ? undefined : `--${name}`;
}

function refined({ refined: isRefined, promptKey }: BenchmarkFlags) {
  if (isRefined !== true) return {};
  if (promptKey !== undefined && promptKey !== 'refined_prompt') {
    throw new SvgT2IError('ERR_SVGT2I_USAGE', `--refined and --prompt-key ${promptKey} name different texts`);
  }
  return { benchmark: { promptKey: 'refined_prompt' } };
}
