/** `pipeline` cases: prompts to pixels from a folder in the release's layout, by the way that every user's prompt goes. */

import { join, resolve } from 'node:path';
import { types } from 'node:util';
import { z } from 'zod';
import type { GenerateRequest } from '../../pipeline/types.js';
import { formatNegativePrompt, formatPrompt } from '../../text/system-prompts.js';
import { loadTokenizer } from '../../text/tokenizer.js';
import type { Comparison, Tolerance } from '../comparison.js';
import type { GoldenCase } from '../golden-case.js';
import type { StoredTensor } from '../safetensors.js';

/** The part of SvgT2I that a case needs. */
export interface CasePipeline {
  generate(request: GenerateRequest): Promise<{ readonly images: readonly DrawnPicture[] }>;
  dispose(): Promise<void>;
}

export interface DrawnPicture {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
  readonly latent?: { readonly data: Float32Array };
  readonly decoded?: { readonly data: Float32Array };
}

/** Paths of a release's parts, absolute, and how its text encoder attends. */
export interface CaseRelease {
  readonly pretrained: string;
  readonly dit?: string;
  readonly autoencoder?: string;
  readonly textEncoder?: string;
  readonly statistics?: string;
  readonly attentionSoftCap: boolean;
}

export type LoadCasePipeline = (release: CaseRelease) => Promise<CasePipeline>;

const toleranceSchema = z.object({ atol: z.number().default(0), rtol: z.number().default(0) });

/** The solver and the guidance stand either beside each other or in objects of their own, as in other cases. */
const solverSchema = z.looseObject({
  name: z.string(),
  steps: z.number().optional(),
  shift: z.number().optional(),
  order: z.number().optional(),
  method: z.string().optional(),
  skip_type: z.string().optional(),
  atol: z.number().optional(),
  rtol: z.number().optional(),
});
const guidanceSchema = z.looseObject({
  scale: z.number().optional(),
  mode: z.string().optional(),
  truncation: z.number().optional(),
  renorm: z.number().optional(),
});

const specSchema = z.looseObject({
  pretrained: z.string(),
  dit: z.string().optional(),
  autoencoder: z.string().optional(),
  text_encoder: z.string().optional(),
  statistics: z.string().optional(),
  attention_soft_cap: z.boolean().default(false),
  prompts: z.array(z.string()).min(1),
  system_prompt: z.string().default(''),
  negative_prompt: z.string().default(''),
  width: z.number(),
  height: z.number(),
  solver: z.union([z.string().transform((name) => ({ name })), solverSchema]).default({ name: 'dpm++' }),
  steps: z.number().optional(),
  shift: z.number().optional(),
  order: z.number().optional(),
  method: z.string().optional(),
  skip_type: z.string().optional(),
  guidance: guidanceSchema.default({}),
  guidance_scale: z.number().optional(),
  guidance_mode: z.string().optional(),
  guidance_until: z.number().optional(),
  pad_to_multiple_of: z.number().default(8),
  max_length: z.number().default(512),
  tolerance: z
    .looseObject({
      latent: toleranceSchema.optional(),
      image: toleranceSchema.optional(),
      pixels: z.looseObject({ max_abs: z.number(), mean_abs: z.number().optional() }).optional(),
    })
    .default({}),
});

type Spec = z.infer<typeof specSchema>;

const DEFAULT_LATENT_TOLERANCE: Tolerance = { atol: 2e-3, rtol: 2e-3 };
const DEFAULT_IMAGE_TOLERANCE: Tolerance = { atol: 5e-3, rtol: 5e-3 };
const DEFAULT_PIXEL_TOLERANCE = { max_abs: 2 };

export function createPipelineRunner(load: LoadCasePipeline) {
  return async (golden: GoldenCase, result: Comparison): Promise<void> => {
    const spec = specSchema.parse(golden.spec);
    const pretrained = resolve(golden.folder, spec.pretrained);
    await compareTokens(golden, spec, join(pretrained, spec.text_encoder ?? 'gemma-2-2b'), result);
    const pipeline = await load({
      pretrained,
      attentionSoftCap: spec.attention_soft_cap,
      ...(spec.dit === undefined ? {} : { dit: join(pretrained, spec.dit) }),
      ...(spec.autoencoder === undefined ? {} : { autoencoder: join(pretrained, spec.autoencoder) }),
      ...(spec.text_encoder === undefined ? {} : { textEncoder: join(pretrained, spec.text_encoder) }),
      ...(spec.statistics === undefined ? {} : { statistics: join(pretrained, spec.statistics) }),
    });
    try {
      const { images } = await pipeline.generate(await caseRequest(golden, spec));
      for (const [index, image] of images.entries()) await comparePicture(golden, spec, index, image, result);
      if (images.length !== spec.prompts.length) {
        result.fail(`${images.length} pictures for ${spec.prompts.length} prompts`);
      }
    } finally {
      await pipeline.dispose();
    }
  };
}

async function caseRequest(golden: GoldenCase, spec: Spec): Promise<GenerateRequest> {
  const solver = solverSchema.parse(spec.solver);
  const guidance = spec.guidance;
  const truncation = spec.guidance_until ?? guidance.truncation;
  const noise = await Promise.all(spec.prompts.map((_, index) => floats(golden, `in.${index}.noise`)));
  const settings = {
    solver: solverName(solver.name),
    steps: solver.steps ?? spec.steps,
    shift: solver.shift ?? spec.shift,
    order: solver.order ?? spec.order,
    method: solver.method ?? spec.method,
    skipType: solver.skip_type ?? spec.skip_type,
    atol: solver.atol,
    rtol: solver.rtol,
    guidanceScale: guidance.scale ?? spec.guidance_scale,
    guidanceMode: guidance.mode ?? spec.guidance_mode,
    // The original's 100 means "to the end".
    guidanceUntil: truncation === undefined ? undefined : Math.min(truncation, 1),
    renorm: guidance.renorm,
  };
  // Of any type here: the pipeline checks every setting itself, and says which one is wrong.
  const given = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
  return {
    ...given,
    prompt: spec.prompts,
    negativePrompt: spec.negative_prompt,
    systemPrompt: systemPromptOf(spec),
    width: spec.width,
    height: spec.height,
    noise,
    returnLatents: true,
    returnDecoded: true,
  };
}

/** The API reads an empty text as a text too. */
function systemPromptOf(spec: Spec): string {
  return spec.system_prompt === '' ? 'empty' : spec.system_prompt;
}

/** Names of the original's command line as ours. */
function solverName(name: string): string {
  if (name === 'dpm') return 'dpm++';
  return name === 'heun2' ? 'heun' : name;
}

/** Ids of each prompt beside the unconditional caption, padded as the original pads the pair. */
async function compareTokens(
  golden: GoldenCase,
  spec: Spec,
  folder: string,
  result: Comparison,
): Promise<void> {
  for (const [index, prompt] of spec.prompts.entries()) {
    const name = `out.${index}.input_ids`;
    if (!(await golden.hasTensor(name))) continue;
    const tokenizer = await loadTokenizer(folder);
    const texts = [
      formatPrompt(prompt, spec.system_prompt),
      formatNegativePrompt(spec.negative_prompt, spec.system_prompt),
    ];
    const batch = tokenizer.encodeBatch(texts, {
      maxLength: spec.max_length,
      padToMultipleOf: spec.pad_to_multiple_of,
    });
    const want = Array.from((await golden.tensor(name)).data, Number);
    result.expectEqual(`${name}`, batch.inputIds.flat(), want);
  }
}

async function comparePicture(
  golden: GoldenCase,
  spec: Spec,
  index: number,
  image: DrawnPicture,
  result: Comparison,
): Promise<void> {
  const expectFloats = async (
    part: string,
    got: Float32Array | undefined,
    tolerance: Tolerance,
  ): Promise<void> => {
    const name = `out.${index}.${part}`;
    if (!(await golden.hasTensor(name))) return;
    if (got === undefined) result.fail(`picture ${index} came without its ${part}`);
    else result.expectClose(name, got, await floats(golden, name), tolerance);
  };
  await expectFloats('latent', image.latent?.data, spec.tolerance.latent ?? DEFAULT_LATENT_TOLERANCE);
  await expectFloats('image', image.decoded?.data, spec.tolerance.image ?? DEFAULT_IMAGE_TOLERANCE);
  const { max_abs: maxAbs, mean_abs: meanAbs } = {
    mean_abs: undefined,
    ...(spec.tolerance.pixels ?? DEFAULT_PIXEL_TOLERANCE),
  };
  const name = `out.${index}.pixels`;
  const want = await golden.tensor(name);
  result.expectText(`${name} shape`, `${image.height},${image.width},3`, want.shape.join());
  result.expectPixels(name, image.data, numbers(want), {
    maxAbs,
    ...(meanAbs === undefined ? {} : { meanAbs }),
  });
}

async function floats(golden: GoldenCase, name: string): Promise<Float32Array> {
  return Float32Array.from(numbers(await golden.tensor(name)));
}

function numbers(tensor: StoredTensor): ArrayLike<number> {
  return types.isBigInt64Array(tensor.data) ? Array.from(tensor.data, Number) : tensor.data;
}
