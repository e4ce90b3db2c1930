/** The report of `eval imagenet`. */
import { join, resolve } from 'node:path';
import type { z } from 'zod';
import { imagenetSchema } from '../../config/eval/imagenet.js';
import { modelSchema } from '../../config/model.js';
import { settingsSchema } from '../../config/request.js';
import { readImage } from '../../image/decode.js';
import { commandLine } from '../command-line.js';
import { writeReport } from '../html/write-report.js';
import { setFigures } from '../metric-words.js';
import type { ReportPicture } from '../report-content.js';
import { classAt } from './classes.js';
import { type ImagenetConfig, printedImagenetConfig } from './config.js';
import { type FigureSubject, samplerWords, thousands } from './figure-line.js';
import { fileOf, PICTURES } from './run-files.js';
import type { ImagenetResult } from './types.js';

/** Pictures that are shown. */
const SHOWN = 32;

export interface ImagenetFindings {
  readonly result: Omit<ImagenetResult, 'report'>;
  /** What the figures are of. */
  readonly subject: FigureSubject;
  /** As it was typed. */
  readonly command: string | undefined;
}

/** Writes report.html and results.json; the path of the first. */
export async function writeImagenetReport(
  config: ImagenetConfig,
  { result, subject, command }: ImagenetFindings,
): Promise<string> {
  const { imagenet } = config;
  const { seed, count } = subject;
  const settings = printedImagenetConfig(config) as Readonly<Record<string, unknown>>;
  const { html } = await writeReport(
    imagenet.out,
    {
      title: `${thousands(result.count)} pictures of classes against ${imagenet.reference}`,
      command: command ?? commandOf(config),
      time: new Date().toISOString(),
      headline: setFigures(result),
      tables: [
        {
          title: 'What the figures are of',
          columns: ['', ''],
          rows: [
            ['figures', result.line],
            ['sampler', samplerWords(subject)],
            ['seeds', `${seed} to ${seed + count - 1}, one a picture`],
            ['classes', `${imagenet.classes}, ${imagenet.numClasses} of them`],
            [
              'protocol',
              "ADM's: Inception Score of parts of 5000, precision and recall of nearest neighbours",
            ],
          ],
        },
      ],
      histograms: [],
      sheets: [{ title: 'The first pictures', pictures: await firstPictures(config) }],
      failures: [],
      warnings: result.warnings,
      settings,
    },
    { ...result, settings },
  );
  return html;
}

/** Of a program that called: settings of the sampler by their paths, since not all are called as their flags. */
function commandOf({ imagenet, model, sample }: ImagenetConfig): string {
  const shape = settingsSchema.shape as Readonly<Record<string, z.ZodType>>;
  const settings = Object.entries(sample).filter(([key, value]) => {
    return value !== undefined && shape[key]?.safeParse(undefined).data !== value;
  });
  const words = settings.flatMap(([key, value]) => ['--set', `sample.${key}=${value}`]);
  return commandLine(
    ['eval', 'imagenet', ...words],
    { schema: imagenetSchema, values: imagenet },
    { schema: modelSchema, values: model },
  );
}

async function firstPictures({ imagenet, sample }: ImagenetConfig): Promise<readonly ReportPicture[]> {
  const { out, count, classes, numClasses } = imagenet;
  const seed = sample.seed ?? 0;
  const pictures: ReportPicture[] = [];
  for (let index = 0; index < Math.min(SHOWN, count); index++) {
    const path = resolve(join(out, PICTURES, fileOf(index)));
    const label = classAt(index, { classes, numClasses, seed });
    pictures.push({
      caption: `class ${label}`,
      images: [await readImage(path)],
      path,
      value: `seed ${seed + index}`,
    });
  }
  return pictures;
}
