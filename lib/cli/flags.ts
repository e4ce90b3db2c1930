/** Flags that are values of the configuration: their help comes from the schema, so there is one description. */
import { type Command, Option } from 'commander';
import { z } from 'zod';
import { estimateSchema } from '../config/estimate.js';
import type { ConfigTree } from '../config/load.js';
import { merge } from '../config/load.js';
import { modelSchema } from '../config/model.js';
import { settingsSchema } from '../config/request.js';
import { outputSchema } from '../config/sample.js';
import { unwrap } from '../config/validate.js';
import { SvgT2IError } from '../errors.js';

/** A flag and the value that it sets, as `section.key`. */
export interface Flag {
  readonly flags: string;
  readonly path: `${string}.${string}`;
  readonly parse?: (text: string) => unknown;
  /** Where the schema's own says it of another flag. */
  readonly description?: string;
  /** Of the value, in a section that one command alone has. */
  readonly schema?: z.ZodType | undefined;
}

/** Flags that are values of one command's own section of the configuration. */
export function sectionFlags<Shape extends z.ZodRawShape>(
  section: string,
  schema: z.ZodObject<Shape>,
  flags: readonly (Pick<Flag, 'flags' | 'parse' | 'description'> & { readonly key: keyof Shape & string })[],
): readonly Flag[] {
  return flags.map(({ key, ...flag }) => {
    const path = `${section}.${key}` as const;
    return { ...flag, path, schema: schema.shape[key] as unknown as z.ZodType };
  });
}

/** `a,b` as a list of names; what they may be, the schema says. */
export function toList(text: string): readonly string[] {
  return text.split(',').map((name) => name.trim());
}

/** Text that is no number stays text, and the schema says so. */
export function toNumber(text: string): unknown {
  return text.trim() === '' || Number.isNaN(Number(text)) ? text : Number(text);
}

export const MODEL_FLAGS: readonly Flag[] = [
  { flags: '--pretrained <folder>', path: 'model.pretrained' },
  { flags: '--dit <path>', path: 'model.dit' },
  { flags: '--weak-dit <path>', path: 'model.weakDit' },
  { flags: '--autoencoder <path>', path: 'model.autoencoder' },
  { flags: '--text-encoder <folder>', path: 'model.textEncoder' },
  { flags: '--attention-soft-cap', path: 'model.attentionSoftCap' },
  { flags: '--no-attention-soft-cap', path: 'model.attentionSoftCap', description: 'do not' },
  { flags: '--statistics <file>', path: 'model.statistics' },
  { flags: '--class-names <file>', path: 'model.classNames' },
  { flags: '--weights <kind>', path: 'model.weights' },
  { flags: '--device <device>', path: 'model.device' },
  { flags: '--dtype <dtype>', path: 'model.dtype' },
  { flags: '--threads <n>', path: 'model.threads', parse: toNumber },
  { flags: '--offload', path: 'model.offload' },
];

export const SAMPLE_FLAGS: readonly Flag[] = [
  { flags: '--count <n>', path: 'sample.count', parse: toNumber },
  { flags: '--seed <n>', path: 'sample.seed', parse: toNumber },
  { flags: '--seed-mode <mode>', path: 'sample.seedMode' },
  { flags: '--steps <n>', path: 'sample.steps', parse: toNumber },
  { flags: '--solver <name>', path: 'sample.solver' },
  { flags: '--order <n>', path: 'sample.order', parse: toNumber },
  { flags: '--method <name>', path: 'sample.method' },
  { flags: '--skip-type <name>', path: 'sample.skipType' },
  { flags: '--shift <x>', path: 'sample.shift', parse: toNumber },
  { flags: '--atol <x>', path: 'sample.atol', parse: toNumber },
  { flags: '--rtol <x>', path: 'sample.rtol', parse: toNumber },
  { flags: '--guidance <x>', path: 'sample.guidanceScale', parse: toNumber },
  { flags: '--guidance-mode <mode>', path: 'sample.guidanceMode' },
  { flags: '--guidance-until <t>', path: 'sample.guidanceUntil', parse: toNumber },
  { flags: '--guidance-from <t>', path: 'sample.guidanceFrom', parse: toNumber },
  { flags: '--guidance-schedule <name>', path: 'sample.guidanceSchedule' },
  { flags: '--renorm <x>', path: 'sample.renorm', parse: toNumber },
  { flags: '--step-cache <threshold>', path: 'sample.stepCache', parse: toNumber },
  { flags: '--step-cache-rescale <name>', path: 'sample.stepCacheRescale' },
  { flags: '--negative <text>', path: 'sample.negativePrompt' },
  { flags: '--system-prompt <name>', path: 'sample.systemPrompt' },
  { flags: '--batch-size <n>', path: 'sample.batchSize', parse: toNumber },
];

export const ESTIMATE_FLAGS: readonly Flag[] = [
  { flags: '--model <name>', path: 'estimate.model' },
  { flags: '--prompts <n>', path: 'estimate.prompts', parse: toNumber },
  { flags: '--prompt-tokens <n>', path: 'estimate.promptTokens', parse: toNumber },
  { flags: '--probe-seconds <s>', path: 'estimate.probeSeconds', parse: toNumber },
];

export const OUTPUT_FLAGS: readonly Flag[] = [
  { flags: '-o, --output <path>', path: 'output.path' },
  { flags: '--format <format>', path: 'output.format' },
  { flags: '--quality <n>', path: 'output.quality', parse: toNumber },
  { flags: '--grid', path: 'output.grid' },
  { flags: '--skip-existing', path: 'output.skipExisting' },
  { flags: '--on-mismatch <mode>', path: 'output.onMismatch' },
  { flags: '--manifest <file>', path: 'output.manifest' },
];

const sections = {
  model: modelSchema,
  sample: settingsSchema,
  output: outputSchema,
  estimate: estimateSchema,
};

/** Adds flags to a command, described by their schemas, under a heading of its help. */
export function addFlags(command: Command, heading: string, flags: readonly Flag[]): Command {
  command.optionsGroup(heading);
  for (const flag of flags) command.addOption(toOption(flag));
  return command;
}

function toOption(flag: Flag): Option {
  const schema = flag.schema ?? schemaAt(flag.path);
  const option = new Option(flag.flags, flag.description ?? describe(schema));
  if (flag.parse !== undefined) option.argParser(flag.parse);
  return option;
}

function schemaAt(path: string): z.ZodType | undefined {
  const [section = '', key = ''] = path.split('.');
  const shape = sections[section as keyof typeof sections].shape as Readonly<Record<string, z.ZodType>>;
  return shape[key];
}

function describe(schema: z.ZodType | undefined): string {
  // Not commander's default: that would hide whether a flag was given, and files come between.
  const fallback = schema?.safeParse(undefined).data;
  const shown =
    fallback === undefined || fallback === false || fallback === '' ? '' : ` (default: ${String(fallback)})`;
  const values = schema === undefined ? [] : choices(schema);
  const listed = values.length === 0 ? '' : `: ${values.join(', ')}`;
  return `${schema?.description ?? ''}${listed}${shown}`;
}

/** The values of an enumeration whose description does not name them already. */
function choices(schema: z.ZodType): readonly string[] {
  const inner = unwrap(schema);
  if (!(inner instanceof z.ZodEnum)) return [];
  const values = inner.options.map(String);
  return values.some((value) => schema.description?.includes(value)) ? [] : values;
}

/** What commander calls its value. */
function attributeOf({ flags }: Flag): string {
  return new Option(flags).attributeName();
}

/** The flags that were given, as a configuration. */
export function flagTree(flags: readonly Flag[], values: Readonly<Record<string, unknown>>): ConfigTree {
  let tree: ConfigTree = {};
  for (const flag of flags) {
    const value = values[attributeOf(flag)];
    const [section = '', key = ''] = flag.path.split('.');
    if (value !== undefined) tree = merge(tree, { [section]: { [key]: value } });
  }
  return tree;
}

/** Says a path as the flag that set it. */
export function flagNames(
  flags: readonly Flag[],
  values: Readonly<Record<string, unknown>>,
): (path: string) => string | undefined {
  const given = flags.filter((flag) => values[attributeOf(flag)] !== undefined);
  return (path) => {
    const flag = given.find((one) => one.path === path);
    return flag === undefined ? undefined : new Option(flag.flags).long;
  };
}

/** `1280x720` as width and height. */
export function parseSize(text: string): { readonly width: number; readonly height: number } {
  const match = /^(\d+)[xX×](\d+)$/.exec(text.trim());
  if (match === null) {
    throw new SvgT2IError('ERR_SVGT2I_USAGE', `--size ${text}: must be WIDTHxHEIGHT`, {
      hint: 'For example --size 1024x1024 or --size 1280x720.',
    });
  }
  return { width: Number(match[1]), height: Number(match[2]) };
}

/** --config, --set, --print-config, --json and --verbose. */
export interface CommonOptions {
  readonly config?: string;
  readonly set?: readonly string[];
  readonly printConfig?: boolean;
  readonly json?: boolean;
  readonly verbose?: boolean;
}

export function addConfigFlags(command: Command, sections = 'model, sample and output'): Command {
  const word = sections.includes(' ') ? 'sections' : 'section';
  return command
    .optionsGroup('Configuration:')
    .option('--config <file>', `YAML or JSON file with the ${word} ${sections}`)
    .option('--set <path=value>', 'set one value of the configuration; may be repeated', collect)
    .option('--print-config', 'print the configuration that would be used, and stop');
}

export function addOutputModeFlags(command: Command): Command {
  return command
    .optionsGroup('General:')
    .option('--json', 'print JSON Lines on stdout')
    .option('--verbose', 'show stack traces');
}

export function collect(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}
