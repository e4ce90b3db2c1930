/** The kinds of diffusion transformers: what they are asked for, and how they are sampled where nobody says. */
import { basename } from 'node:path';
import { PUBLISHED_CELL_PIXELS } from '../config/latent-grid.js';
import type { Settings } from '../config/settings.js';
import { VELOCITY_MODELS } from '../facts.js';
import type { LoadedDit } from '../native/loaded-models.js';
import type { DitConfig } from './dit-config.js';
import { isPublished } from './dit-files.js';

/** As the engine's catalogue calls them. */
export type DitKindName = keyof typeof VELOCITY_MODELS;

export interface DitKind {
  readonly name: DitKindName;
  /** What a picture is asked for by. */
  readonly condition: 'text' | 'class';
  /** Whether a file of such a name can be of no other kind. */
  readonly isNamed: (file: string) => boolean;
  /** Settings that the published model is sampled with. */
  readonly settings: Settings;
  /** Whether `steps` counts the steps of a fixed grid, and not its points, as torchdiffeq's users do. */
  readonly countsSteps: boolean;
  /** Whether its `shift` moves t by s t / (1 + (s - 1) t), so that less than 1 is towards noise. */
  readonly shiftsData: boolean;
  /** The usual shift is the square root of the trained latent's numbers over this. Undefined: it is among `settings`. */
  readonly shiftBase?: number;
  /** Where a fixed grid ends before it is shifted; 1 is the picture. */
  readonly end?: number;
}

/** What the engine does not know: how each kind is sampled. */
const SAMPLING: Readonly<Record<DitKindName, Omit<DitKind, 'name' | 'condition' | 'isNamed'>>> = {
  'next-dit': { settings: {}, countsSteps: false, shiftsData: false },
  svg: {
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
  },
  'rae-dit': {
    // Source: bytetriper/RAE, configs of sampling, and its transport: the last point is not the picture itself.
    settings: {
      width: 256,
      height: 256,
      steps: 50,
      solver: 'euler',
      guidanceScale: 1,
      guidanceMode: 'standard',
    },
    countsSteps: false,
    shiftsData: false,
    shiftBase: 4096,
    end: 0.999,
  },
};

function kindOf(name: DitKindName): DitKind {
  const { condition } = VELOCITY_MODELS[name];
  // Exported models of every kind are called as those of SVG-T2I.
  const isNamed = (file: string) => condition === 'class' && isPublished(basename(file), name);
  return { name, condition, isNamed, ...SAMPLING[name] };
}

export const DIT_KINDS: Readonly<Record<DitKindName, DitKind>> = {
  'next-dit': kindOf('next-dit'),
  svg: kindOf('svg'),
  'rae-dit': kindOf('rae-dit'),
};

/**
 * Of a transformer's weights before they are loaded, by model_args.json beside them or by their name; undefined where
 * neither tells.
 */
export function saidDitKind(weights: string, config: DitConfig | undefined): DitKind | undefined {
  if (config?.kind !== undefined) return DIT_KINDS[config.kind];
  const named = Object.values(DIT_KINDS).find((kind) => kind.isNamed(weights));
  // A file that is silent has been held against the dimensions of SVG-T2I.
  return named ?? (config === undefined ? undefined : DIT_KINDS['next-dit']);
}

interface UsualOptions {
  readonly cellPixels?: number | undefined;
  /** Whether a weaker model is there to guide away from. */
  readonly weak?: boolean;
}

/** Settings that a release has of its own, without the texts where the kind reads none. */
export function meantFor({ condition }: DitKind, settings: Settings): Settings {
  if (condition === 'text') return settings;
  const { systemPrompt: _, negativePrompt: __, ...meant } = settings;
  return meant;
}

/**
 * How a loaded model is sampled where nobody says: at the size that it was trained on, with the shift of that size, and not
 * guided away from "none" where it was trained without.
 */
export function usualSettings(
  kind: DitKind,
  dit: Partial<LoadedDit> | undefined,
  { cellPixels = PUBLISHED_CELL_PIXELS, weak = false }: UsualOptions = {},
): Settings {
  const { shiftBase } = kind;
  const cannotGuide = dit?.noneClass === false && !weak;
  const settings: Settings = cannotGuide ? { ...kind.settings, guidanceScale: 1 } : kind.settings;
  const { channels, latentRows, latentColumns } = dit ?? {};
  if (!shiftBase || !channels || !latentRows || !latentColumns) return settings;
  const shift = Math.sqrt((channels * latentRows * latentColumns) / shiftBase);
  return { ...settings, width: latentColumns * cellPixels, height: latentRows * cellPixels, shift };
}
