/** Judges pictures one after another and keeps what a report needs: verdicts, and some pictures for a contact sheet. */
import { frameImage } from '../image/frame.js';
import { gridImage } from '../image/grid.js';
import type { RgbImage } from '../image/rgb-image.js';
import { judge, type Verdict } from './judge.js';
import type { SceneSpec } from './scene.js';
import { type Judged, type Scores, scoreRows, scoresOf } from './score.js';
import { CATEGORIES, type Category } from './vocabulary.js';

/** Pictures of a category on the sheet, and in a row of it. */
const SHEET_PICTURES = 50;
const SHEET_COLUMNS = 25;
/** Wrong pictures of a category that a report shows, beside those of the sheet. */
const WRONG_PICTURES = 12;
const FRAME_PX = 3;
const GAP_PX = 3;
const GREEN = [0, 170, 60] as const;
const RED = [230, 0, 0] as const;
const WHITE = [255, 255, 255] as const;

export interface Asked {
  readonly prompt: string;
  readonly asked: SceneSpec;
  /** Where the picture comes from; stands in the list of failures. */
  readonly origin: Readonly<Record<string, unknown>>;
}

/** A judgement without its picture. */
export type JudgedPicture = Judged & Pick<Asked, 'origin'>;

/** With it. */
export interface ShownPicture extends JudgedPicture {
  readonly image: RgbImage;
}

export class Evaluation {
  readonly #judged: JudgedPicture[] = [];
  readonly #shown = new Map<Category, ShownPicture[]>();
  readonly #wrong = new Map<Category, ShownPicture[]>();

  add({ prompt, asked, origin }: Asked, image: RgbImage): Verdict {
    const verdict = judge(asked, image);
    const { category } = asked;
    const { correct, reasons } = verdict;
    const judged = { category, prompt, origin, verdict: { correct, reasons } };
    this.#judged.push(judged);
    keepFirst(this.#shown, { ...judged, image }, SHEET_PICTURES);
    if (!correct) keepFirst(this.#wrong, { ...judged, image }, WRONG_PICTURES);
    return verdict;
  }

  /** Number of pictures so far. */
  get judged(): number {
    return this.#judged.length;
  }

  get correct(): number {
    return this.#judged.filter(({ verdict }) => verdict.correct).length;
  }

  get scores(): Scores {
    return scoresOf(this.#judged);
  }

  get rows(): readonly (readonly string[])[] {
    return scoreRows(this.#judged);
  }

  /** Pictures that were judged wrong. */
  get failures(): readonly JudgedPicture[] {
    return this.#judged.filter(({ verdict }) => !verdict.correct);
  }

  /** The first pictures of a category. */
  shown(category: Category): readonly ShownPicture[] {
    return this.#shown.get(category) ?? [];
  }

  /** The first wrong pictures of a category. */
  wrong(category: Category): readonly ShownPicture[] {
    return this.#wrong.get(category) ?? [];
  }

  /** A JSON line for every picture that was judged wrong. */
  failureLines(): string {
    return this.failures
      .map(({ category, prompt, origin, verdict }) => {
        return `${JSON.stringify({ ...origin, category, prompt, reasons: verdict.reasons })}\n`;
      })
      .join('');
  }

  /** The first pictures of every category, in rows of their own: framed green where right, red where wrong. */
  sheet(): RgbImage {
    const groups = CATEGORIES.map((category) =>
      this.shown(category).map(({ image, verdict }) =>
        frameImage(image, verdict.correct ? GREEN : RED, FRAME_PX),
      ),
    );
    const columns = Math.min(SHEET_COLUMNS, Math.max(...groups.map(({ length }) => length)));
    const blank = frameImage({ width: 1, height: 1, data: new Uint8Array(WHITE) }, WHITE, 0);
    const cells = groups.flatMap((framed) => {
      const missing = (columns - (framed.length % columns)) % columns;
      return [...framed, ...Array.from({ length: missing }, () => blank)];
    });
    return gridImage(cells, { columns, gapPx: GAP_PX });
  }
}

function keepFirst(kept: Map<Category, ShownPicture[]>, picture: ShownPicture, most: number): void {
  const own = kept.get(picture.category) ?? [];
  kept.set(picture.category, own);
  if (own.length < most) own.push(picture);
}
