/** Which picture of a run goes to which file. */
import { existsSync } from 'node:fs';
import { extname, join } from 'node:path';
import type { OutputOptions } from '../config/sample.js';
import { SvgT2IError } from '../errors.js';
import { isFolder } from '../files.js';
import { type OutputFormat, outputFormatOf } from '../image/encode.js';
import { prepareFile, prepareFolder } from './write-file.js';

export interface PlannedImage {
  readonly index: number;
  /** Undefined: to stdout. */
  readonly file: string | undefined;
}

export interface OutputPlan {
  readonly format: OutputFormat;
  readonly images: readonly PlannedImage[];
  /** Grid of each prompt, where one is wanted; an undefined file is stdout. */
  readonly grids: readonly { readonly file: string | undefined }[];
  /** Indices still to be drawn. */
  readonly wanted: readonly number[];
}

export interface PlanRequest {
  readonly promptCount: number;
  /** Pictures a prompt. */
  readonly count: number;
  readonly firstSeed: number;
  readonly stdoutIsTerminal: boolean;
}

const extensions: Readonly<Record<OutputFormat, string>> = { png: '.png', jpeg: '.jpg', webp: '.webp' };

export async function planOutput(output: OutputOptions, request: PlanRequest): Promise<OutputPlan> {
  const total = request.promptCount * request.count;
  const all = Array.from({ length: total }, (_, index) => index);
  if (output.path === '-') return planStdout(output, request);
  const asFile = output.path !== undefined && extname(output.path) !== '' && !(await isFolder(output.path));
  const format = formatOf(output, asFile);
  const seedOf = (index: number) => request.firstSeed + index;
  const number = (index: number) => String(index).padStart(Math.max(4, String(total - 1).length), '0');
  const fileOf = (index: number): string => {
    const { path } = output;
    if (path === undefined) return `svg-t2i-${number(index)}-seed${seedOf(index)}${extensions[format]}`;
    if (!asFile) return join(path, `${number(index)}-seed${seedOf(index)}${extensions[format]}`);
    return total === 1 ? path : withSuffix(path, `-${number(index)}`);
  };
  const gridOf = (prompt: number): string => {
    const suffix = request.promptCount === 1 ? 'grid' : `grid-${number(prompt)}`;
    if (output.path === undefined) return `svg-t2i-${suffix}${extensions[format]}`;
    return asFile
      ? withSuffix(output.path, `-${suffix}`)
      : join(output.path, `${suffix}${extensions[format]}`);
  };
  const images = all.map((index) => ({ index, file: fileOf(index) }));
  return {
    format,
    images,
    grids: output.grid
      ? Array.from({ length: request.promptCount }, (_, prompt) => ({ file: gridOf(prompt) }))
      : [],
    wanted: output.skipExisting
      ? images.filter(({ file }) => !existsSync(file)).map(({ index }) => index)
      : all,
  };
}

/** Refuses before anything is loaded what could only fail after it: no permission, a full disk. */
export async function prepareOutput(
  plan: OutputPlan,
  output: OutputOptions,
  imageBytes: number,
): Promise<void> {
  const files = [...plan.images, ...plan.grids].map(({ file }) => file).filter((file) => file !== undefined);
  if (output.manifest !== undefined) await prepareFile(output.manifest, 0);
  const [first] = files;
  if (first === undefined) return;
  if (files.length === 1) await prepareFile(first, imageBytes);
  else await prepareFolder(join(first, '..'), imageBytes);
}

function planStdout(output: OutputOptions, request: PlanRequest): OutputPlan {
  const total = request.promptCount * request.count;
  const refuse = (message: string, hint: string) => new SvgT2IError('ERR_SVGT2I_USAGE', message, { hint });
  if (request.stdoutIsTerminal) {
    throw refuse('-o - would write a picture to the terminal', 'Redirect stdout to a file, or pass -o FILE.');
  }
  if (output.grid ? request.promptCount > 1 : total > 1) {
    throw refuse(
      `-o - takes one picture, not ${total}`,
      'Pass -o FOLDER, or --grid for all pictures of a prompt as one.',
    );
  }
  if (output.skipExisting) throw refuse('--skip-existing has no meaning with -o -', 'Pass -o FILE.');
  const indices = Array.from({ length: total }, (_, index) => index);
  return {
    format: output.format ?? 'png',
    // With a grid on stdout the single pictures go nowhere.
    images: output.grid ? [] : indices.map((index) => ({ index, file: undefined })),
    grids: output.grid ? [{ file: undefined }] : [],
    wanted: indices,
  };
}

function formatOf(output: OutputOptions, asFile: boolean): OutputFormat {
  if (!asFile || output.path === undefined) return output.format ?? 'png';
  const byName = outputFormatOf(output.path);
  if (output.format === undefined || output.format === byName) return byName;
  throw new SvgT2IError(
    'ERR_SVGT2I_USAGE',
    `--format ${output.format} does not fit the file name ${output.path}`,
  );
}

function withSuffix(path: string, suffix: string): string {
  const extension = extname(path);
  return `${path.slice(0, path.length - extension.length)}${suffix}${extension}`;
}
