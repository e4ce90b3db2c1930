/** The pictures of a run: several lists and folders as one, each with its share of an epoch and its system prompt. */
import { stat } from 'node:fs/promises';
import { DEFAULT_SYSTEM_PROMPT } from '../config/request.js';
import type { DitTrainingConfig } from '../config/train-dit.js';
import type { DataItem, Dataset } from '../data/dataset.js';
import { listFolder, PassedOver } from '../data/folder-walk.js';
import { ImageFolderDataset } from '../data/image-folder.js';
import { PictureList } from '../data/picture-list.js';
import { randomPermutation } from '../data/random.js';
import { fileError, SvgT2IError } from '../errors.js';
import { formatPrompt } from '../text/system-prompts.js';

export interface DataSetOptions {
  readonly path: string;
  readonly root?: string | undefined;
  readonly ratio: number;
  readonly systemPrompt?: string | undefined;
  readonly prompt?: string | undefined;
}

interface Part {
  readonly dataset: Dataset;
  /** Names of the folders that `label` counts. */
  readonly classes: readonly string[];
  /** What lies in its folders and is not read. */
  readonly remarks: readonly string[];
  readonly options: DataSetOptions;
  /** First number of the part in the whole, and how many it has. */
  readonly start: number;
  readonly count: number;
  /** Which items the last, broken part of a ratio takes; undefined where it is whole. */
  readonly chosen: Uint32Array | undefined;
}

/** What a model is trained on beside the pictures. */
export function dataNeeds(model: DitTrainingConfig['model']) {
  return model.kind === 'svg' ? { captions: false, classes: model.num_classes } : { captions: true };
}

export class TrainingDataset {
  readonly length: number;
  readonly #parts: readonly Part[];
  readonly #withCaptions: boolean;

  private constructor(parts: readonly Part[], withCaptions: boolean) {
    this.#parts = parts;
    this.#withCaptions = withCaptions;
    this.length = parts.reduce((sum, part) => sum + part.count, 0);
  }

  /**
   * Opens all sets. With `classes`, as many as there may be, every item has a `label`. With captions, `prompt` of an item is what the text encoder reads, the system prompt included.
   *
   * @throws SvgT2IError as the sets do, and ERR_SVGT2I_INVALID_CONFIG for a folder whose pictures have no caption
   */
  static async open(
    sets: readonly DataSetOptions[],
    options: { readonly captions: boolean; readonly classes?: number | undefined },
  ): Promise<TrainingDataset> {
    const parts: Part[] = [];
    try {
      for (const [index, set] of sets.entries()) {
        const { dataset, classes, remarks } = await openSet(set, index, options.captions);
        if (options.classes !== undefined)
          checkClasses(set, index, classes, parts[0]?.classes ?? classes, options.classes);
        const previous = parts.at(-1);
        const count = Math.max(1, Math.round(dataset.length * set.ratio));
        const isBroken = count % dataset.length !== 0;
        parts.push({
          dataset,
          classes,
          remarks,
          options: set,
          start: previous === undefined ? 0 : previous.start + previous.count,
          count,
          chosen: isBroken ? randomPermutation(dataset.length, 0) : undefined,
        });
      }
      const whole = new TrainingDataset(parts, options.captions);
      // A list without captions, or with other keys, is told at once; single bad lines are met on the way.
      for (const part of parts) await whole.item(part.start);
      return whole;
    } catch (error) {
      for (const { dataset } of parts) await dataset.close();
      throw error;
    }
  }

  async item(index: number): Promise<DataItem> {
    const part = this.#parts.find(({ start, count }) => index >= start && index < start + count);
    if (part === undefined)
      throw new SvgT2IError('ERR_SVGT2I_INVALID_ARGUMENT', `there is no picture ${index}`);
    const { dataset, classes, options, chosen } = part;
    const position = index - part.start;
    const isWhole = position < part.count - (part.count % dataset.length);
    const place = position % dataset.length;
    const item = await dataset.item(isWhole ? place : (chosen?.[place] ?? place));
    if (!this.#withCaptions) return item;
    const prompt =
      item.prompt ?? options.prompt?.replaceAll('{class}', classes[item.label ?? -1] ?? '') ?? '';
    // What the set says goes before what a kind of entry has of itself.
    const systemPrompt = options.systemPrompt ?? item.systemPrompt ?? DEFAULT_SYSTEM_PROMPT;
    return { ...item, prompt: formatPrompt(prompt, systemPrompt) };
  }

  /** Names of the folders that `label` counts; none in lists. */
  get classes(): readonly string[] {
    return this.#parts[0]?.classes ?? [];
  }

  /** What lies beside the pictures and is not read, a line a kind. */
  get remarks(): readonly string[] {
    return this.#parts.flatMap(({ remarks }) => remarks);
  }

  /** As Dataset.fingerprint, of each set. */
  async fingerprints(): Promise<readonly string[]> {
    const all: string[] = [];
    for (const { dataset } of this.#parts) all.push(await dataset.fingerprint());
    return all;
  }

  async close(): Promise<void> {
    for (const { dataset } of this.#parts) await dataset.close();
  }
}

/** Names of the folders that `label` would count, without a look at their pictures. */
export async function classesBelow(path: string): Promise<readonly string[]> {
  const { folders } = await listFolder(path, new PassedOver(path));
  return folders.map(({ name }) => name);
}

/** A class has one number in all sets. */
function checkClasses(
  { path }: DataSetOptions,
  index: number,
  classes: readonly string[],
  ofFirst: readonly string[],
  most: number,
): void {
  const refuse = (message: string, hint: string) =>
    new SvgT2IError('ERR_SVGT2I_INVALID_CONFIG', `data.sets.${index}: ${message}`, { hint });
  const layout = 'A class-conditional model is trained on a folder with a folder for each class.';
  if (classes.length === 0) throw refuse(`${path} has no folders of classes`, layout);
  if (classes.length > most) {
    const fix = `Set model.num_classes to ${classes.length}.`;
    throw refuse(`${path} has ${classes.length} classes, and model.num_classes is ${most}`, fix);
  }
  const other = classes.find((name, i) => name !== ofFirst[i]);
  if (other === undefined && classes.length === ofFirst.length) return;
  throw refuse(
    `${path} has other classes than data.sets.0${other === undefined ? '' : `, such as ${other}`}`,
    'Folders count their classes in the order of their names: give all sets the same folders, empty ones too.',
  );
}

async function openSet(
  set: DataSetOptions,
  index: number,
  withCaptions: boolean,
): Promise<Pick<Part, 'dataset' | 'classes' | 'remarks'>> {
  let isFolder: boolean;
  try {
    isFolder = (await stat(set.path)).isDirectory();
  } catch (error) {
    throw fileError(error, 'read', set.path);
  }
  if (!isFolder) {
    const root = set.root === undefined ? {} : { root: set.root };
    const dataset = await PictureList.open(set.path, {
      ...root,
      captions: withCaptions ? 'required' : 'optional',
    });
    return { dataset, classes: [], remarks: [] };
  }
  if (withCaptions && set.prompt === undefined) {
    throw new SvgT2IError(
      'ERR_SVGT2I_INVALID_CONFIG',
      `data.sets.${index}: the pictures in ${set.path} have no captions`,
      {
        hint: 'Give data.sets.N.prompt, such as "a photo of {class}", or a list with captions as path.',
      },
    );
  }
  const dataset = await ImageFolderDataset.open(set.path);
  return { dataset, classes: dataset.classes, remarks: dataset.remarks };
}
