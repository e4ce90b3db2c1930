/** The kinds of diffusion transformers: what they are asked for, and how they are sampled where nobody says. */
import { basename } from 'node:path';
import type { Settings } from '../config/settings.js';
import { readDitConfig } from './dit-config.js';
import { PUBLISHED_SVG } from './dit-files.js';

/** As the engine's catalogue calls them. */
export type DitKindName = 'next-dit' | 'svg';

export interface DitKind {
  readonly name: DitKindName;
  /** What a picture is asked for by. */
  readonly condition: 'text' | 'class';
  /** Names of published files. */
  readonly files: RegExp | undefined;
  /** Settings that the published model is sampled with. */
  readonly settings: Settings;
  /** Whether `steps` counts the steps of a fixed grid, and not its points, as torchdiffeq's users do. */
  readonly countsSteps: boolean;
  /** Whether its `shift` moves t by s t / (1 + (s - 1) t), so that less than 1 is towards noise. */
  readonly shiftsData: boolean;
}

const NEXT_DIT: DitKind = {
  name: 'next-dit',
  condition: 'text',
  files: undefined,
  settings: {},
  countsSteps: false,
  shiftsData: false,
};

const SVG: DitKind = {
  name: 'svg',
  condition: 'class',
  files: PUBLISHED_SVG,
  // Source: shiml20/SVG sample_svg.py; pictures of ImageNet at 256.
  settings: {
    width: 256,
    height: 256,
    steps: 25,
    solver: 'euler',
    shift: 0.15,
    guidanceScale: 4,
    guidanceMode: 'standard',
  },
  countsSteps: true,
  shiftsData: true,
};

export const DIT_KINDS: Readonly<Record<DitKindName, DitKind>> = { 'next-dit': NEXT_DIT, svg: SVG };

/** Of a transformer's weights, by model_args.json beside them or by their name, before they are loaded. */
export function ditKindOf(weights: string): DitKind {
  const said = readDitConfig(weights)?.kind;
  if (said !== undefined) return DIT_KINDS[said];
  return Object.values(DIT_KINDS).find((kind) => kind.files?.test(basename(weights)) === true) ?? NEXT_DIT;
}
