/** The package's own benchmark: pictures of shapes, drawn or read, judged by what they show. */
import { resolve } from 'node:path';
import { defined } from '../config/defined.js';
import { shapesSchema } from '../config/eval/shapes.js';
import { PUBLISHED_CELL_PIXELS } from '../config/latent-grid.js';
import { modelSchema } from '../config/model.js';
import { pathOf } from '../config/paths.js';
import { settingsSchemaOf } from '../config/request.js';
import type { Settings } from '../config/settings.js';
import { validate } from '../config/validate.js';
import { SvgT2IError } from '../errors.js';
import { EMBEDDED_MODEL } from '../release/embedded-model.js';
import { FoundRelease } from '../release/found-release.js';
import { withPlainPaths } from '../release/load-options.js';
import { sampleDefaults } from '../release/sample-defaults.js';
import { SHAPES_SETTINGS } from '../shapes/settings.js';
import type { EvaluateOptions } from './events.js';
import { type Judging, judgeDrawn, judgeFolder, judgeReconstructed } from './shapes-judging.js';
import { writeShapesReport } from './shapes-report.js';
import type { ShapesRequest, ShapesResult } from './shapes-types.js';

/**
 * Draws prompts of GenEval's categories whose combinations no training set holds, finds the shapes in the pixels and judges
 * them by GenEval's rules; or judges reconstructions, or pictures of a folder.
 *
 * @throws SvgT2IError ERR_SVGT2I_INVALID_ARGUMENT, as SvgT2I.load(), as readImage(); or the signal's reason
 *
 * @example
 * const { overall } = await evaluateShapes({ model: { pretrained: 'my-model' }, perCategory: 10 });
 */
export async function evaluateShapes(
  request: ShapesRequest = {},
  { signal, onEvent }: EvaluateOptions = {},
): Promise<ShapesResult> {
  const plain = {
    ...request,
    ...defined({
      model: request.model === undefined ? undefined : withPlainPaths(request.model),
      images: pathOf(request.images, 'images'),
      out: pathOf(request.out, 'out'),
    }),
  };
  const config = validate(shapesSchema, plain, { code: 'ERR_SVGT2I_INVALID_ARGUMENT' });
  const { images, reconstruct, categories, perCategory, seed, out } = config;
  if (images !== undefined && reconstruct) {
    throw new SvgT2IError('ERR_SVGT2I_INVALID_ARGUMENT', 'images and reconstruct exclude each other');
  }
  const warnings: string[] = [];
  const judging: Judging = {
    categories: [...new Set(categories)],
    perCategory,
    signal,
    onJudged: ({ judged }, total) => onEvent?.({ type: 'progress', done: judged, total, what: 'pictures' }),
    onWarning: (message) => {
      warnings.push(message);
      onEvent?.({ type: 'warning', message });
    },
  };
  const { what, settings, judge } = images === undefined ? drawing() : folder(images);
  const evaluation = await judge();
  const { scores } = evaluation;
  if (out === undefined) return scores;
  const command = `evaluate(${JSON.stringify({ kind: 'shapes', ...request })})`;
  const files = await writeShapesReport(out, evaluation, { what, command, settings, warnings });
  return { ...scores, files };

  function drawing() {
    const model = validate(
      modelSchema,
      { pretrained: EMBEDDED_MODEL, ...defined(config.model) },
      { code: 'ERR_SVGT2I_INVALID_ARGUMENT', source: 'model' },
    );
    const found = new FoundRelease(model);
    const given = checkSettings(config.sample, found.cellPixels ?? PUBLISHED_CELL_PIXELS);
    const sample = { ...SHAPES_SETTINGS, ...sampleDefaults(found).settings, ...given };
    const asked = { found, sample, seed, ...judging };
    return {
      what: `${reconstruct ? 'reconstructions' : 'pictures'} of ${model.pretrained}`,
      settings: { categories, perCategory, seed, model, sample },
      judge: () => (reconstruct ? judgeReconstructed(asked) : judgeDrawn(asked)),
    };
  }

  function folder(path: string) {
    return {
      what: `pictures of ${path}`,
      settings: { images: resolve(path), categories, perCategory },
      judge: () => judgeFolder(path, judging),
    };
  }
}

/** Settings of pictures as they were given, without defaults; count and seeds are the evaluation's own. */
function checkSettings(given: Readonly<Record<string, unknown>>, cellPixels: number): Settings {
  const schema = settingsSchemaOf(cellPixels).omit({ count: true, seed: true, seedMode: true });
  validate(schema, given, { code: 'ERR_SVGT2I_INVALID_ARGUMENT', source: 'sample' });
  return defined(given);
}
