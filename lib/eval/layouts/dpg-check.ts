/** What DPG-Bench's scorer would miscount or stumble over in a folder of pictures. */
import { join } from 'node:path';
import { type CheckOptions, NO_LIST, shortened } from './check-options.js';
import type { CheckReport, Fault } from './check-report.js';
import { checkDpgCount, type DpgPrompt } from './dpg.js';
import { dpgId } from './dpg-id.js';
import { entriesOf, isPictureName, lookAtAll } from './look.js';

export interface DpgCheckOptions extends CheckOptions<DpgPrompt> {
  /** Pixels a side of each of the pictures of a grid: what the scorer gets as --resolution. */
  readonly resolution: number;
}

const SKIPPED =
  'prints Failed filename and goes on; the mean is not touched, but the work split over processes is';

/**
 * Checks a flat folder as DPG-Bench's scorer reads it: every file in it is opened, its prompt is its name up to the first
 * dot, and the samples are cropped out by the resolution.
 *
 * Source: TencentQQGYLab/ELLA 3c228f1, dpg_bench/compute_dpg_bench.py.
 *
 * @throws SvgT2IError ERR_SVGT2I_FILE_NOT_FOUND or ERR_SVGT2I_IO where the folder cannot be read, ERR_SVGT2I_USAGE for
 *   another number of samples than 1 or 4; or the signal's reason
 *
 * @example
 * const prompts = await readDpgPrompts('dpg_bench/prompts');
 * const { faults } = await checkDpg('out/images', { prompts, imagesPerPrompt: 4, resolution: 1024 });
 */
export async function checkDpg(root: string, options: DpgCheckOptions): Promise<CheckReport> {
  const { prompts, imagesPerPrompt, resolution, signal, onLooked } = options;
  checkDpgCount(imagesPerPrompt);
  const ids = prompts === undefined ? undefined : new Set(prompts.map(({ id }) => id));
  const faults: Fault[] = [];
  /** File of each id. */
  const files = new Map<string, string>();
  const known: string[] = [];
  for (const { name, isFolder } of await entriesOf(root)) {
    if (isFolder) {
      const reason = 'pictures lie in folders, not flat';
      faults.push({ path: name, reason, scorer: 'cannot open a folder: Failed filename, skipped' });
      continue;
    }
    const id = dpgId(name);
    if (ids === undefined ? !isPictureName(name) : !ids.has(id)) {
      faults.push(strange(name));
      continue;
    }
    known.push(name);
    const before = files.get(id);
    if (before === undefined) files.set(id, name);
    else {
      const reason = `two files with the same stem: ${before} and ${name}`;
      faults.push({ path: name, reason, scorer: 'scores both: that prompt counts twice' });
    }
  }
  const looked = await lookAtAll(
    known.map((name) => join(root, name)),
    { signal, onLooked },
  );
  for (const [i, one] of looked.entries()) {
    const path = known[i] as string;
    if ('problem' in one)
      faults.push({ path, reason: `not a picture that opens: ${one.problem}`, scorer: SKIPPED });
    else faults.push(...gridFaults(path, one, { resolution, imagesPerPrompt }));
  }
  for (const { id, prompt } of prompts ?? []) {
    if (files.has(id)) continue;
    faults.push({
      path: `${id}.png`,
      reason: `a prompt has no picture: ${shortened(prompt)}`,
      scorer: 'averages over the pictures that are there: the score is of fewer prompts, without a word',
    });
  }
  return {
    as: 'dpg',
    target: root,
    prompts: prompts?.length ?? 0,
    pictures: known.length,
    faults,
    warnings: prompts === undefined ? [NO_LIST] : [],
  };
}

/** A file that belongs to no prompt. */
function strange(name: string): Fault {
  if (isPictureName(name)) {
    const scorer = 'looks the stem up to the FIRST dot up: None, Failed filename, skipped';
    return { path: name, reason: "the file's stem is not a prompt id", scorer };
  }
  const isResult = /^dpg-bench_.*_results/.test(name);
  const why = isResult ? ' (a result of the scorer itself: give it --res-path elsewhere)' : '';
  const reason = `a file that is no prompt's picture lies in the folder${why}`;
  return { path: name, reason, scorer: SKIPPED };
}

function gridFaults(
  path: string,
  { width, height }: { readonly width: number; readonly height: number },
  { resolution, imagesPerPrompt }: { readonly resolution: number; readonly imagesPerPrompt: number },
): readonly Fault[] {
  const side = imagesPerPrompt === 1 ? resolution : 2 * resolution;
  if (width === side && height === side) return [];
  const is = `${width}x${height}, not ${side}x${side}`;
  if (imagesPerPrompt === 1) {
    return [
      {
        path,
        reason: `the picture is ${is}`,
        scorer: 'crops the upper left corner, black where there is none',
      },
    ];
  }
  if (width === resolution && height === resolution) {
    const reason = `the picture is resolution x resolution, not a 2 x 2 grid of it: ${is}`;
    const scorer = 'crops three of four outside the picture: Pillow fills them black, they are scored';
    return [{ path, reason, scorer }];
  }
  // torchvision's make_grid leaves so many pixels around and between.
  const gap = (width - side) / 3;
  if (width === height && gap > 0 && Number.isInteger(gap)) {
    const reason = `the grid has gaps between the pictures (${gap} px, as torchvision's make_grid leaves by default): ${is}`;
    return [{ path, reason, scorer: `crops are shifted by up to ${2 * gap} px and show the border` }];
  }
  const scorer = 'crops by the resolution: the crops are no samples, black where there is no picture';
  return [{ path, reason: `the grid is ${is}`, scorer }];
}
