/** What the transformer of a checkpoint draws of the fixed prompts and seeds, and what can be said of it. */
import { createHash } from 'node:crypto';
import type { SetMetricName } from '../../config/eval/measure.js';
import type { ResolvedWatch, WatchMetric } from '../../config/eval/watch.js';
import type { DitTrainingConfig } from '../../config/train-dit.js';
import { gridImage } from '../../image/grid.js';
import { cropImage, type RgbImage } from '../../image/rgb-image.js';
import type { GeneratedImage } from '../../pipeline/generated-image.js';
import { findCellPixels } from '../../release/cell-pixels.js';
import { evalPrompts } from '../../shapes/eval-prompts.js';
import type { Example } from '../../shapes/example.js';
import { judge, type Verdict } from '../../shapes/judge.js';
import { scoresOf } from '../../shapes/score.js';
import { CATEGORIES } from '../../shapes/vocabulary.js';
import { readPromptFile } from '../../text/prompt-file.js';
import { Measurement } from '../measurement.js';
import { summarize } from '../pair-values.js';
import type { ReportPicture } from '../report-content.js';
import { type CheckpointEngine, readsText } from './checkpoint-engine.js';
import { FixedPictures } from './fixed-pictures.js';
import type { Measured, MeasureOptions, Probe } from './probe.js';
import { setProtocol } from './set-protocol.js';

const GAP_PX = 4;
const SET_NAMES = ['is', 'kid', 'fid'] as const satisfies readonly SetMetricName[];
type SetName = (typeof SET_NAMES)[number];

type Settings = Pick<ResolvedWatch, 'data' | 'prompts' | 'count' | 'seed' | 'inception'>;

interface Parts {
  /** Undefined of a model that draws classes: those of the run's samples. */
  readonly prompts: readonly string[] | undefined;
  /** Scenes behind the prompts, where what is drawn can be judged. */
  readonly examples: readonly Example[] | undefined;
  readonly reference: FixedPictures | undefined;
  readonly metrics: readonly WatchMetric[];
  readonly set: string;
  readonly shown: Readonly<Record<string, unknown>>;
}

export class DrawingProbe implements Probe {
  readonly set: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly names: readonly string[];
  readonly #settings: Settings;
  readonly #parts: Parts;
  readonly #sets: readonly SetName[];

  private constructor(settings: Settings, parts: Parts) {
    this.#settings = settings;
    this.#parts = parts;
    this.#sets = SET_NAMES.filter((name) => parts.metrics.includes(name));
    this.set = parts.set;
    this.settings = parts.shown;
    // Of the first checkpoint there is none before it.
    this.names = [...(parts.examples === undefined ? [] : ['shapes']), ...this.#sets];
  }

  /** @throws SvgT2IError for a list of prompts, or data, that cannot be read */
  static async open(
    config: DitTrainingConfig,
    settings: Settings,
    metrics: readonly WatchMetric[],
  ): Promise<DrawingProbe> {
    const { data, count, seed, inception } = settings;
    const examples = metrics.includes('shapes') ? scenesOf(seed, count) : undefined;
    const prompts =
      examples?.map(({ prompt }) => prompt) ??
      (readsText(config) ? await promptsOf(config, settings) : undefined);
    const reference =
      data !== undefined && (metrics.includes('fid') || metrics.includes('kid'))
        ? await FixedPictures.open({
            sets: [{ path: data, ratio: 1 }],
            data: config.data,
            cellPixels: findCellPixels(config.frozen),
            count,
            seed,
          })
        : undefined;
    const { every: _, batchSize: __, prompts: ___, seed: ____, classes, ...ofAll } = config.samples;
    const drawing = readsText(config) ? ofAll : { classes, ...ofAll };
    const decisive = {
      prompts,
      seed,
      drawing,
      resolution: config.data.resolution,
      reference: reference?.digest,
    };
    return new DrawingProbe(settings, {
      prompts,
      examples,
      reference,
      metrics,
      set: createHash('sha256').update(JSON.stringify(decisive)).digest('hex'),
      shown: {
        ...drawing,
        prompts: prompts?.length,
        seed,
        resolution: config.data.resolution,
        data,
        inception,
      },
    });
  }

  async measure(model: CheckpointEngine, options: MeasureOptions): Promise<Measured> {
    const { signal, onEvent, previous } = options;
    const images = await this.#draw(model, options);
    const columns = this.#columns(images.length);
    const grid = gridImage(images, { columns, gapPx: GAP_PX });
    const before = this.#parts.metrics.includes('previous') ? cellsOf(previous, grid, images, columns) : [];
    const values: Record<string, number> = {};
    const verdicts = this.#parts.examples?.flatMap(({ scene: { asked } }, i): Verdict[] => {
      const image = images[i];
      return image === undefined ? [] : [judge(asked, image)];
    });
    Object.assign(values, this.#shapeScores(verdicts));
    if (this.#sets.length > 0 || before.length > 0) {
      const pairNames = before.length > 0 ? (['psnr', 'ssim'] as const) : [];
      const { inception } = this.#settings;
      const metrics = [...this.#sets, ...pairNames];
      await using measurement = await Measurement.open(model.engine, {
        networks: { inception },
        metrics,
        signal,
      });
      for (const [name, value] of await this.#setValues(measurement, images, { onEvent, signal }))
        values[name] = value;
      const pairs =
        pairNames.length === 0 ? {} : await measurement.pairs(pairsOf(before, images), pairNames, signal);
      for (const name of pairNames)
        values[`previous-${name}`] = summarize(pairs[name] ?? new Float64Array()).mean;
    }
    return { values, grid, pictures: this.#sheet(images, verdicts) };
  }

  async close(): Promise<void> {
    await this.#parts.reference?.close();
  }

  async #draw(
    model: CheckpointEngine,
    { onEvent, signal }: MeasureOptions,
  ): Promise<readonly GeneratedImage[]> {
    const { prompts } = this.#parts;
    const images: GeneratedImage[] = [];
    const progress = () =>
      onEvent({ type: 'progress', done: images.length, total: prompts?.length, what: 'pictures' });
    progress();
    for await (const event of model.draw({ prompts, seed: this.#settings.seed }, signal)) {
      if (event.type === 'warning') onEvent(event);
      if (event.type !== 'image') continue;
      images.push(event.image);
      progress();
    }
    return images;
  }

  /** Scenes in a row for each category, others in a square. */
  #columns(count: number): number {
    const { examples } = this.#parts;
    return examples === undefined ? Math.ceil(Math.sqrt(count)) : examples.length / CATEGORIES.length;
  }

  #shapeScores(verdicts: readonly Verdict[] | undefined): Readonly<Record<string, number>> {
    const { examples } = this.#parts;
    if (verdicts === undefined || examples === undefined) return {};
    const { overall, categories } = scoresOf(
      verdicts.map((verdict, i) => {
        const { prompt, scene } = examples[i] as Example;
        return { category: scene.asked.category, prompt, verdict };
      }),
    );
    const each = Object.entries(categories).map(([name, score]) => [`shapes/${name}`, score ?? 0] as const);
    return { shapes: overall, ...Object.fromEntries(each) };
  }

  async #setValues(
    measurement: Measurement,
    images: readonly RgbImage[],
    { onEvent, signal }: Pick<MeasureOptions, 'onEvent' | 'signal'>,
  ): Promise<readonly (readonly [SetName, number])[]> {
    if (this.#sets.length === 0) return [];
    await measurement.add('drawn', images, signal);
    const reference = (await this.#parts.reference?.read(onEvent, signal)) ?? [];
    if (reference.length > 0) {
      await measurement.add(
        'reference',
        reference.map(({ image }) => image),
        signal,
      );
    }
    const least = reference.length > 0 ? Math.min(images.length, reference.length) : images.length;
    const { is, kid, fid } = await measurement.result(
      {
        set: 'drawn',
        ...(reference.length > 0 ? { reference: 'reference' } : {}),
        metrics: this.#sets,
        protocol: setProtocol(least),
      },
      signal,
    );
    const found = { is: is?.mean, kid: kid?.mean, fid };
    return this.#sets.map((name) => [name, found[name] ?? Number.NaN] as const);
  }

  #sheet(
    images: readonly GeneratedImage[],
    verdicts: readonly Verdict[] | undefined,
  ): readonly ReportPicture[] {
    return images.map((image, i) => {
      const verdict = verdicts?.[i];
      return {
        caption: image.prompt,
        images: [image],
        ...(verdict === undefined
          ? {}
          : { good: verdict.correct, value: verdict.correct ? 'right' : verdict.reasons.join('; ') }),
      };
    });
  }
}

/** As many of each category, `count` in all or a few more. */
function scenesOf(seed: number, count: number): readonly Example[] {
  return evalPrompts(seed, Math.max(1, Math.ceil(count / CATEGORIES.length)), CATEGORIES);
}

async function promptsOf(
  { samples }: DitTrainingConfig,
  { prompts, count }: Settings,
): Promise<readonly string[]> {
  const all =
    prompts === undefined ? samples.prompts : (await readPromptFile(prompts)).map(({ prompt }) => prompt);
  return all.slice(0, count);
}

/** The pictures of an earlier grid of the same form; none where there is no such grid. */
function cellsOf(
  earlier: RgbImage | undefined,
  grid: RgbImage,
  images: readonly RgbImage[],
  columns: number,
): readonly RgbImage[] {
  const [first] = images;
  if (earlier === undefined || first === undefined) return [];
  if (earlier.width !== grid.width || earlier.height !== grid.height) return [];
  const { width, height } = first;
  return images.map((_, i) =>
    cropImage(earlier, {
      left: (i % columns) * (width + GAP_PX),
      top: Math.floor(i / columns) * (height + GAP_PX),
      width,
      height,
    }),
  );
}

function pairsOf(
  before: readonly RgbImage[],
  images: readonly RgbImage[],
): readonly (readonly [RgbImage, RgbImage])[] {
  return images.flatMap((image, i): (readonly [RgbImage, RgbImage])[] => {
    const earlier = before[i];
    return earlier === undefined ? [] : [[earlier, image]];
  });
}
