/** One configuration from its layers: a command's defaults < file (with one level of `extends`) < environment < flags and --set. */
import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { stringify } from 'yaml';
import type { z } from 'zod';
import { SvgT2IError } from '../errors.js';
import { readText } from '../regular-file.js';
import { hubNameOf } from './hub-name.js';
import { isUrl } from './url.js';
import { validate } from './validate.js';
import { MAX_YAML_BYTES, parseYaml } from './yaml.js';

/** A little more than is parsed, so that the parser's message is the one that is seen. */
const MAX_CONFIG_FILE_BYTES = 16 * MAX_YAML_BYTES;

/** A plain tree of configuration values. */
export interface ConfigTree {
  [key: string]: unknown;
}

/** Which values of a kind of configuration are special. */
export interface ConfigKeys {
  /** Values that are paths, as `section.key`; `*` is every entry of a list. In a file they are meant from there. */
  readonly paths: readonly string[];
  /** Those of them that may be names of the hub instead, as where no such path is there. */
  readonly names: readonly string[];
  /** Environment variables and the values that they set. */
  readonly environment: Readonly<Record<string, string>>;
  /** A file may leave what is required to arguments and flags. */
  readonly isFilePartial?: boolean;
}

/** Of every command whose configuration has a section `model`. */
export const MODEL_ENVIRONMENT: ConfigKeys['environment'] = {
  SVG_T2I_PRETRAINED: 'model.pretrained',
  SVG_T2I_DEVICE: 'model.device',
  SVG_T2I_DTYPE: 'model.dtype',
  SVG_T2I_THREADS: 'model.threads',
};

const sampleKeys: ConfigKeys = {
  paths: ['model.pretrained', 'output.path', 'output.manifest'],
  names: ['model.pretrained'],
  environment: MODEL_ENVIRONMENT,
};

export interface ConfigSources {
  /** What a command takes where nobody says otherwise, in place of the schema's own defaults. */
  readonly defaults?: ConfigTree;
  /** Those of `sample` where not given. */
  readonly keys?: ConfigKeys;
  /** YAML or JSON file. */
  readonly file?: string | undefined;
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly flags?: ConfigTree;
  /** `path=value` texts; the value is read as YAML. */
  readonly set?: readonly string[] | undefined;
  /** The flag that gave the value at a path such as `sample.steps`. */
  readonly nameOf?: ((path: string) => string | undefined) | undefined;
}

export async function loadConfig<Schema extends z.ZodType>(
  schema: Schema,
  sources: ConfigSources,
): Promise<z.output<Schema>> {
  return validate(schema, await givenConfig(schema, sources), { nameOf: sources.nameOf });
}

/** What the layers say, one over the other: without the schema's defaults, and checked only as far as a file goes. */
export async function givenConfig(schema: z.ZodType, sources: ConfigSources): Promise<ConfigTree> {
  const { keys = sampleKeys } = sources;
  const fromFile = sources.file === undefined ? {} : await readConfigFile(sources.file, keys);
  // Checked alone first, so that a mistake in the file is reported with the file's name.
  const { isFilePartial = false } = keys;
  if (sources.file !== undefined)
    validate(schema, fromFile, { source: sources.file, mayLack: isFilePartial });
  let merged = merge(sources.defaults ?? {}, fromFile);
  merged = merge(merged, fromEnvironment(sources.environment ?? {}, keys));
  merged = merge(merged, sources.flags ?? {});
  for (const assignment of sources.set ?? []) merged = merge(merged, parseAssignment(assignment));
  return merged;
}

/** YAML with comments that says what would run; reads back as a configuration file. */
export function printConfig(config: unknown): string {
  return stringify(config);
}

async function readConfigFile(file: string, keys: ConfigKeys): Promise<ConfigTree> {
  const tree = await readTree(file, keys);
  const { extends: base, ...own } = tree;
  if (base === undefined) return own;
  if (typeof base !== 'string')
    throw invalid(file, 'extends: must be the path of another configuration file');
  const basePath = resolve(dirname(file), base);
  const { extends: second, ...parent } = await readTree(basePath, keys);
  if (second !== undefined) throw invalid(basePath, 'extends: a file that is extended cannot extend another');
  return merge(parent, own);
}

async function readTree(file: string, keys: ConfigKeys): Promise<ConfigTree> {
  const text = await readText(file, { maxBytes: MAX_CONFIG_FILE_BYTES, allowPassedPipe: true });
  const tree = parseYaml(text, file) ?? {};
  if (!isTree(tree)) throw invalid(file, 'must be a mapping of sections');
  return resolvePaths(tree, dirname(resolve(file)), keys);
}

/** Relative paths of a configuration, meant from `folder`; `-` stays. */
export function resolvePaths(tree: ConfigTree, folder: string, keys: ConfigKeys): ConfigTree {
  return keys.paths.reduce((at, key) => {
    const isName = (path: string) =>
      keys.names.includes(key) && hubNameOf(path) !== undefined && !existsSync(resolve(folder, path));
    const resolved = (path: string) =>
      path === '-' || isUrl(path) || isName(path) ? path : resolve(folder, path);
    return changeAt(at, key.split('.'), resolved) as ConfigTree;
  }, tree);
}

/** With the texts at a path changed. */
function changeAt(value: unknown, path: readonly string[], change: (text: string) => string): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return typeof value === 'string' ? change(value) : value;
  if (key === '*') return Array.isArray(value) ? value.map((entry) => changeAt(entry, rest, change)) : value;
  if (!isTree(value) || !Object.hasOwn(value, key)) return value;
  return { ...value, [key]: changeAt(value[key], rest, change) };
}

function fromEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
  keys: ConfigKeys,
): ConfigTree {
  let tree: ConfigTree = {};
  for (const [name, path] of Object.entries(keys.environment)) {
    const value = environment[name];
    if (value === undefined || value === '') continue;
    tree = merge(tree, nest(path.split('.'), name === 'SVG_T2I_THREADS' ? Number(value) : value));
  }
  return tree;
}

function parseAssignment(text: string): ConfigTree {
  const equals = text.indexOf('=');
  if (equals < 1) {
    throw new SvgT2IError('ERR_SVGT2I_USAGE', `--set ${text}: must be path=value`, {
      hint: 'For example --set sample.steps=20.',
    });
  }
  const path = text.slice(0, equals);
  return nest(path.split('.'), parseYaml(text.slice(equals + 1), `--set ${path}=...`));
}

function nest(path: readonly string[], value: unknown): ConfigTree {
  return path.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value) as ConfigTree;
}

/** `over` wins; mappings are merged, everything else is replaced. Undefined values change nothing. */
export function merge(under: ConfigTree, over: ConfigTree): ConfigTree {
  const result: ConfigTree = { ...under };
  for (const [key, value] of Object.entries(over)) {
    if (value === undefined || key === '__proto__') continue;
    const old = result[key];
    result[key] = isTree(old) && isTree(value) ? merge(old, value) : value;
  }
  return result;
}

function isTree(value: unknown): value is ConfigTree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(source: string, message: string): SvgT2IError {
  return new SvgT2IError('ERR_SVGT2I_INVALID_CONFIG', `${source}: ${message}`);
}
