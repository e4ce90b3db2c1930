/** `GET /v1/capabilities`: what can be asked for here, for pages and programs that offer a choice. */
import { Hono } from 'hono';
import { z } from 'zod';
import { drawBodySchema, parseDrawRequest } from '../../config/draw-request.js';
import { OUTPUT_FORMATS } from '../../config/sample.js';
import type { ServeConfig } from '../../config/serve.js';
import { SvgT2IError } from '../../errors.js';
import { MAX_SIDE_CELLS, SOLVER_FACTS, SOLVERS } from '../../facts.js';
import { SYSTEM_PROMPTS } from '../../text/system-prompts.js';
import { PACKAGE_VERSION } from '../../version.js';
import type { ServeContext, ServeEnv } from '../context.js';
import { bodyName } from '../errors.js';
import { withinLimits } from '../limits.js';
import type { CheckedDraw, ServedModel } from '../models.js';

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
      models: models.list().map((model) => modelOf(model, settings)),
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

function modelOf(model: ServedModel, limits: ServeConfig): object {
  const { name, ready, state } = model;
  if (!ready) return { id: name, object: 'model', ready, state };
  const { cellPixels, patchSize, condition, drawer } = model;
  const {
    classes,
    maxLatentRows = MAX_SIDE_CELLS,
    maxLatentColumns = MAX_SIDE_CELLS,
  } = drawer.models.dit ?? {};
  const maxSide = cellPixels * Math.min(MAX_SIDE_CELLS, maxLatentRows, maxLatentColumns);
  const checked = defaultsOf(model, limits);
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
    sizes: sizesOf(model, checked, { maxSide, maxPixels: limits.maxPixels }),
    system_prompts: systemPromptsOf(model),
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

/** What a body that says nothing is drawn with here. */
function defaultsOf(model: ServedModel, limits: ServeConfig): CheckedDraw {
  const subject = model.condition === 'text' ? { prompt: '' } : { class: 0 };
  const { request } = parseDrawRequest(subject, { unknown: 'refuse' });
  const { settings } = withinLimits(request, model, limits);
  try {
    return model.drawer.check({ ...settings, ...subject });
  } catch (error) {
    // Its own guidance may be more than it was trained for; that is told to whoever asks for a picture.
    if (model.condition === 'text') throw error;
    return model.drawer.check({ ...settings, ...subject, guidanceScale: 1 });
  }
}

/** Those that it can follow: a small text encoder writes no prompts, and a model of classes reads none. */
function systemPromptsOf({ condition, drawer }: ServedModel): readonly string[] {
  if (condition === 'class') return [];
  const isFollowed = (systemPrompt: string) => {
    try {
      drawer.check({ prompt: '', systemPrompt });
      return true;
    } catch (error) {
      if (SvgT2IError.isInstance(error)) return false;
      throw error;
    }
  };
  return Object.keys(SYSTEM_PROMPTS).filter((name) => name !== 'enhance' || isFollowed(name));
}

function sidesOf(size: string): Sides {
  const [width = 0, height = 0] = size.split('x').map(Number);
  return { width, height };
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
  const trained = drawer.trainedSizes?.filter((size) => fits(sidesOf(size)));
  return [...new Set(trained === undefined || trained.length === 0 ? offered : trained)];
}
