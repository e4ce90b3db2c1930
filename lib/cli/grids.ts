/** `--grid`: all pictures of a prompt as one, made of what was drawn and what was there. */
import { SvgT2IError } from '../errors.js';
import { readImage } from '../image/decode.js';
import { encodeImage } from '../image/encode.js';
import { gridImage } from '../image/grid.js';
import { type ImageParameters, readFileParameters } from '../image/parameters.js';
import type { RgbImage } from '../image/rgb-image.js';
import { existingPicture } from '../pipeline/existing-picture.js';
import type { GeneratedImage } from '../pipeline/generated-image.js';
import { gridMetadata, isGridOf } from '../pipeline/grid-metadata.js';
import type { OutputPlan, Target } from './output-plan.js';

/** A picture of the grid at hand. */
interface Member {
  readonly index: number;
  /** Undefined for one that was there: it is read when the grid is made. */
  readonly image: RgbImage | undefined;
  readonly parameters: ImageParameters | undefined;
}

export interface GridOptions {
  readonly plan: OutputPlan;
  readonly quality: number;
  readonly write: (target: Target, bytes: Uint8Array) => Promise<void>;
}

/** Is told of the pictures of a run in their order, and holds those of one prompt at a time. */
export class Grids {
  readonly #plan: OutputPlan;
  readonly #options: GridOptions;
  #members: Member[] = [];

  constructor(options: GridOptions) {
    this.#plan = options.plan;
    this.#options = options;
  }

  /** Each returns where a grid was written, if it was the prompt's last picture. */
  drawn(index: number, image: GeneratedImage): Promise<string | undefined> {
    return this.#add(index, { index, image, parameters: image.metadata });
  }

  async kept(index: number, file: string): Promise<string | undefined> {
    if (!this.#plan.hasGrids) return undefined;
    return this.#add(index, { index, image: undefined, parameters: await readFileParameters(file) });
  }

  /** Could not be drawn: the grid is made of the others. */
  failed(index: number): Promise<string | undefined> {
    return this.#add(index, undefined);
  }

  async #add(index: number, member: Member | undefined): Promise<string | undefined> {
    const { count, hasGrids } = this.#plan;
    if (!hasGrids) return undefined;
    if (member !== undefined) this.#members.push(member);
    if (index % count !== count - 1) return undefined;
    const members = this.#members;
    this.#members = [];
    return this.#write(this.#plan.gridAt(Math.floor(index / count)), members);
  }

  async #write(target: Target, members: readonly Member[]): Promise<string | undefined> {
    if (members.length === 0) return undefined;
    const parameters = members.map((member) => member.parameters ?? {});
    const isNew = members.some(({ image }) => image !== undefined);
    if (!isNew && target.kind === 'file' && (await isGridAt(target.path, parameters))) return undefined;
    const images: RgbImage[] = [];
    for (const { index, image } of members) images.push(image ?? (await this.#read(index)));
    const bytes = await encodeImage(gridImage(images), {
      format: this.#plan.format,
      quality: this.#options.quality,
      parameters: gridMetadata(parameters),
    });
    await this.#options.write(target, bytes);
    return target.kind === 'file' ? target.path : undefined;
  }

  async #read(index: number): Promise<RgbImage> {
    const target = this.#plan.imageAt(index);
    if (target.kind === 'file') return readImage(target.path);
    throw new SvgT2IError('ERR_SVGT2I_INTERNAL', `picture ${index} is in no file`);
  }
}

/** Whether the grid of these pictures is there. */
async function isGridAt(path: string, members: readonly ImageParameters[]): Promise<boolean> {
  const found = await existingPicture(path);
  return typeof found === 'object' && isGridOf(found, members);
}
