/** Which picture of a run goes to which file. */
import { extname, join } from 'node:path';
import type { OutputOptions } from '../config/sample.js';
import { SvgT2IError } from '../errors.js';
import { removeDeadParts } from '../files.js';
import { MAX_FORMAT_SIDE, type OutputFormat, outputFormatOf } from '../image/encode.js';
import { gridSize } from '../image/grid.js';
import { isFolder } from '../release/find.js';
import { prepareFile, prepareFolder } from './write-file.js';

/** Where one file of a run goes. */
export type Target =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'stdout' }
  /** Only the grid is wanted. */
  | { readonly kind: 'nowhere' };

/** Names are made when they are needed: a run may have 100,000 pictures. */
export interface OutputPlan {
  readonly format: OutputFormat;
  /** Pictures of the run. */
  readonly total: number;
  /** Pictures of a prompt. */
  readonly count: number;
  /** Whether each prompt gets a grid. */
  readonly hasGrids: boolean;
  /** The folder of all files; undefined where everything goes to stdout. */
  readonly folder: string | undefined;
  imageAt(index: number): Target;
  /** Of a prompt by its number. */
  gridAt(prompt: number): Target;
}

export interface PlanRequest {
  readonly promptCount: number;
  /** Pictures a prompt. */
  readonly count: number;
  /** Of a picture by its index. */
  readonly seedOf: (index: number) => number;
  /** Of a picture by its index: the number of its class, where pictures have one. */
  readonly classOf?: ((index: number) => number | undefined) | undefined;
  readonly stdoutIsTerminal: boolean;
}

const extensions: Readonly<Record<OutputFormat, string>> = { png: '.png', jpeg: '.jpg', webp: '.webp' };

export async function planOutput(output: OutputOptions, request: PlanRequest): Promise<OutputPlan> {
  const { promptCount, count, seedOf, classOf } = request;
  const { path, grid: hasGrids } = output;
  const total = promptCount * count;
  if (path === '-') return planStdout(output, request);
  const asFile = path !== undefined && extname(path) !== '' && !isFolder(path);
  const format = formatOf(output, asFile);
  const digits = Math.max(4, String(total - 1).length);
  const number = (index: number) => String(index).padStart(digits, '0');
  const fileOf = (index: number): string => {
    const ofClass = classOf?.(index);
    const label = ofClass === undefined ? '' : `class${ofClass}-`;
    const name = `${number(index)}-${label}seed${seedOf(index)}${extensions[format]}`;
    if (path === undefined) return `svg-t2i-${name}`;
    if (!asFile) return join(path, name);
    return total === 1 ? path : withSuffix(path, `-${number(index)}`);
  };
  const gridOf = (prompt: number): string => {
    const suffix = promptCount === 1 ? 'grid' : `grid-${number(prompt)}`;
    if (path === undefined) return `svg-t2i-${suffix}${extensions[format]}`;
    return asFile ? withSuffix(path, `-${suffix}`) : join(path, `${suffix}${extensions[format]}`);
  };
  return {
    format,
    total,
    count,
    hasGrids,
    folder: join(fileOf(0), '..'),
    imageAt: (index) => ({ kind: 'file', path: fileOf(index) }),
    gridAt: (prompt) => ({ kind: 'file', path: gridOf(prompt) }),
  };
}

/** @throws SvgT2IError ERR_SVGT2I_USAGE for grids that the format cannot hold */
export function checkGrid(
  plan: OutputPlan,
  image: { readonly width: number; readonly height: number },
): void {
  if (!plan.hasGrids) return;
  const { width, height } = gridSize(plan.count, image);
  const most = MAX_FORMAT_SIDE[plan.format];
  if (Math.max(width, height) <= most) return;
  throw new SvgT2IError(
    'ERR_SVGT2I_USAGE',
    `a grid of ${plan.count} pictures has ${width}x${height} px, and a ${plan.format} ${most} a side at most`,
    { hint: 'Leave --grid out, or pass --format png or fewer pictures with --count.' },
  );
}

/**
 * Refuses before anything is loaded what could only fail after it: no permission, a full disk. Takes away what dead
 * processes have left half-written.
 */
export async function prepareOutput(
  plan: OutputPlan,
  output: OutputOptions,
  imageBytes: number,
): Promise<void> {
  if (output.manifest !== undefined) await prepareFile(output.manifest, 0);
  if (plan.folder === undefined) return;
  const first = plan.imageAt(0);
  if (plan.total === 1 && !plan.hasGrids && first.kind === 'file') await prepareFile(first.path, imageBytes);
  else await prepareFolder(plan.folder, imageBytes);
  await removeDeadParts(plan.folder);
}

function planStdout(output: OutputOptions, request: PlanRequest): OutputPlan {
  const { count, promptCount } = request;
  const total = promptCount * count;
  const refuse = (message: string, hint: string) => new SvgT2IError('ERR_SVGT2I_USAGE', message, { hint });
  if (request.stdoutIsTerminal) {
    throw refuse('-o - would write a picture to the terminal', 'Redirect stdout to a file, or pass -o FILE.');
  }
  if (output.grid ? promptCount > 1 : total > 1) {
    throw refuse(
      `-o - takes one picture, not ${total}`,
      'Pass -o FOLDER, or --grid for all pictures of a prompt as one.',
    );
  }
  if (output.skipExisting) throw refuse('--skip-existing has no meaning with -o -', 'Pass -o FILE.');
  return {
    format: output.format ?? 'png',
    total,
    count,
    hasGrids: output.grid,
    folder: undefined,
    // With a grid on stdout the single pictures go nowhere.
    imageAt: () => ({ kind: output.grid ? 'nowhere' : 'stdout' }),
    gridAt: () => ({ kind: 'stdout' }),
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
