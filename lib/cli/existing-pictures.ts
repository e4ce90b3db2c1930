/** `--skip-existing`: which pictures of a run are there already, and are those that are asked for. */
import { readdir } from 'node:fs/promises';
import { basename } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { MismatchMode } from '../config/sample.js';
import { fileError, SvgT2IError, systemErrorCode } from '../errors.js';
import type { ImageParameters } from '../image/parameters.js';
import { existingPicture } from '../pipeline/existing-picture.js';
import { differences } from '../pipeline/metadata.js';
import type { OutputPlan } from './output-plan.js';

/** Files that are looked into at a time. */
const AT_ONCE = 16;
/** After so many pictures other work has its turn. */
const BREATH = 128 * AT_ONCE;
/** Of files that do not fit, so many are named. */
const MAX_NAMED = 5;

/** A picture that is there, and not what is asked for. */
export interface Mismatch {
  readonly index: number;
  readonly file: string;
  /** Names of the parameters that differ; empty where the file carries none. */
  readonly differs: readonly string[];
  readonly isDrawnAgain: boolean;
}

export interface ExistingOptions {
  readonly onMismatch: MismatchMode;
  /** What a picture is asked to be. */
  readonly askedOf: (index: number) => ImageParameters;
  readonly onFound: (mismatch: Mismatch) => void;
  readonly signal: AbortSignal;
}

/**
 * Indices that are still to be drawn. A picture that carries other parameters than those asked for is drawn again,
 * kept, or a reason to refuse; one that carries none cannot be told apart, and is kept, unless all that do not fit
 * are refused; a file that is no picture is drawn again.
 *
 * @throws SvgT2IError ERR_SVGT2I_USAGE where pictures do not fit and the mode is `refuse`
 */
export async function picturesToDraw(plan: OutputPlan, options: ExistingOptions): Promise<readonly number[]> {
  const { onMismatch, onFound, signal } = options;
  const names = await namesIn(plan.folder);
  const wanted: number[] = [];
  const refused: Mismatch[] = [];
  let refusedCount = 0;
  for (let start = 0; start < plan.total; start += AT_ONCE) {
    signal.throwIfAborted();
    // Where no file is there, nothing else lets others have their turn.
    if (start % BREATH === 0) await setImmediate();
    const indices = Array.from({ length: Math.min(AT_ONCE, plan.total - start) }, (_, i) => start + i);
    const states = await Promise.all(indices.map((index) => stateOf(index, plan, names, options)));
    for (const [i, index] of indices.entries()) {
      const state = states[i];
      if (state === 'absent') wanted.push(index);
      if (state === 'absent' || state === 'same' || state === undefined) continue;
      if (onMismatch === 'refuse') {
        refusedCount++;
        if (refused.length < MAX_NAMED) refused.push(state);
        continue;
      }
      if (state.isDrawnAgain) wanted.push(index);
      onFound(state);
    }
  }
  if (refusedCount > 0) throw refusal(refused, refusedCount);
  return wanted;
}

async function stateOf(
  index: number,
  plan: OutputPlan,
  names: ReadonlySet<string>,
  { onMismatch, askedOf }: ExistingOptions,
): Promise<'absent' | 'same' | Mismatch> {
  const target = plan.imageAt(index);
  if (target.kind !== 'file' || !names.has(basename(target.path))) return 'absent';
  const file = target.path;
  const found = await existingPicture(file);
  if (found === 'absent') return 'absent';
  if (found === 'unmarked') return { index, file, differs: [], isDrawnAgain: false };
  const differs = differences(askedOf(index), found);
  if (differs.length === 0) return 'same';
  return { index, file, differs, isDrawnAgain: onMismatch === 'redraw' };
}

/** What a mismatch is, for people. */
export function mismatchText({ file, differs, isDrawnAgain }: Mismatch): string {
  if (differs.length === 0) return `${file} carries no parameters to compare with, and is kept`;
  const what = `${file} was drawn with another ${differs.join(', ')}`;
  return isDrawnAgain ? `${what}, and is drawn again` : `${what}, and is kept`;
}

function refusal(named: readonly Mismatch[], count: number): SvgT2IError {
  const list = named.map(({ file, differs }) =>
    differs.length === 0 ? `${file} (no parameters)` : `${file} (${differs.join(', ')})`,
  );
  const more = count > named.length ? `, and ${count - named.length} more` : '';
  return new SvgT2IError(
    'ERR_SVGT2I_USAGE',
    `${count} picture(s) that are there are not those asked for: ${list.join(', ')}${more}`,
    {
      hint: 'Choose another folder, or pass --on-mismatch redraw to draw them again, or --on-mismatch keep.',
    },
  );
}

/** Names in a folder; none where it is not there. One look for all pictures. */
async function namesIn(folder: string | undefined): Promise<ReadonlySet<string>> {
  if (folder === undefined) return new Set();
  try {
    return new Set(await readdir(folder));
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return new Set();
    throw fileError(error, 'read', folder);
  }
}
