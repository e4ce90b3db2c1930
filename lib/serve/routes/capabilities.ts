/** `GET /v1/capabilities`: what can be asked for here, for pages and programs that offer a choice. */
import { Hono } from 'hono';
import { z } from 'zod';
import { drawBodySchema } from '../../config/draw-request.js';
import { OUTPUT_FORMATS } from '../../config/sample.js';
import { MAX_SIDE_CELLS, SOLVER_FACTS, SOLVERS } from '../../facts.js';
import { SYSTEM_PROMPTS } from '../../text/system-prompts.js';
import { PACKAGE_VERSION } from '../../version.js';
import type { ServeContext, ServeEnv } from '../context.js';
import { bodyName } from '../errors.js';
import type { ServedModel } from '../models.js';

/** Width to height of the sizes that are offered, around the model's own number of pixels. */
const SHAPES = [
  [1, 1],
  [4, 3],
  [3, 4],
  [3, 2],
  [2, 3],
  [16, 9],
  [9, 16],
] as const;

export function capabilityRoutes({ settings, models, needsKey }: ServeContext): Hono<ServeEnv> {
  const app = new Hono<ServeEnv>();
  const { properties } = z.toJSONSchema(drawBodySchema, { io: 'input' });
  app.get('/v1/capabilities', (c) =>
    c.json({
      object: 'capabilities',
      models: models.list().map((model) => modelOf(model, settings.maxPixels)),
      settings: properties,
      solvers: SOLVERS.map((name) => {
        const { title, fields, leastSteps } = SOLVER_FACTS[name];
        return { name, title, fields: fields.map(bodyName), least_steps: leastSteps };
      }),
      system_prompts: Object.keys(SYSTEM_PROMPTS),
      output_formats: OUTPUT_FORMATS,
      limits: {
        n: settings.maxPictures,
        steps: settings.maxSteps,
        pixels: settings.maxPixels,
        prompt_characters: settings.maxPromptCharacters,
        queue: settings.maxQueue,
      },
      auth: needsKey,
      version: PACKAGE_VERSION,
    }),
  );
  return app;
}

function modelOf(model: ServedModel, maxPixels: number): object {
  const { name, ready, state } = model;
  if (!ready) return { id: name, object: 'model', ready, state };
  const { cellPixels, patchSize, condition, drawer } = model;
  const {
    classes,
    maxLatentRows = MAX_SIDE_CELLS,
    maxLatentColumns = MAX_SIDE_CELLS,
  } = drawer.models.dit ?? {};
  const maxSide = cellPixels * Math.min(MAX_SIDE_CELLS, maxLatentRows, maxLatentColumns);
  const checked = drawer.check(condition === 'text' ? { prompt: '' } : { class: 0 });
  const { count: _, batchSize: __, seedMode: ___, ...drawn } = checked;
  return {
    id: name,
    object: 'model',
    ready,
    state,
    condition,
    ...(condition === 'text' ? {} : { classes: drawer.classNames ?? classes ?? 0 }),
    cell_pixels: cellPixels,
    patch: patchSize,
    max_side: maxSide,
    sizes: sizesOf(model, checked, { maxSide, maxPixels }),
    defaults: inBody(drawn),
  };
}

/** Under the names of a body; width and height are its size. */
function inBody({ width, height, ...settings }: Readonly<Record<string, unknown>>): object {
  const known = Object.entries(settings).filter(([name]) => bodyName(name) in drawBodySchema.shape);
  const plain = known.filter(([name]) => !['prompt', 'class', 'seed'].includes(name));
  return {
    size: `${width}x${height}`,
    ...Object.fromEntries(plain.map(([name, value]) => [bodyName(name), value])),
  };
}

interface Sides {
  readonly width: number;
  readonly height: number;
}

/** Those that it was trained on; else its own size and other shapes of as many pixels. */
function sizesOf(
  { drawer, cellPixels, patchSize }: ServedModel,
  { width, height }: Sides,
  { maxSide, maxPixels }: { readonly maxSide: number; readonly maxPixels: number },
): readonly string[] {
  const unit = cellPixels * patchSize;
  const rounded = (side: number) => Math.max(unit, Math.round(side / unit) * unit);
  const shaped = SHAPES.map(([wide, high]): Sides => {
    const scale = Math.sqrt((width * height) / (wide * high));
    return { width: rounded(wide * scale), height: rounded(high * scale) };
  });
  const fits = (sides: Sides) =>
    Math.max(sides.width, sides.height) <= maxSide && sides.width * sides.height <= maxPixels;
  const own = { width, height };
  const offered = [own, ...shaped].filter(fits).map((sides) => `${sides.width}x${sides.height}`);
  return [...new Set(drawer.trainedSizes ?? offered)];
}
