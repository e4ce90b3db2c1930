/** What a release is sampled with where nobody says otherwise, as far as its files tell before a load. */
import { PUBLISHED_CELL_PIXELS } from '../config/latent-grid.js';
import type { Settings } from '../config/settings.js';
import { DIT_KINDS, type DitKind, meantFor, usualSettings } from './dit-kind.js';
import type { FoundRelease } from './found-release.js';
import type { ModelDefaults } from './model-defaults.js';

export interface SampleDefaults extends ModelDefaults {
  /** Settings that only the loaded model tells; `settings` then has what is likely. */
  readonly ofModel?: readonly (keyof Settings)[];
  /** Settings that are known but for odd models: a request leaves them to the loaded one. */
  readonly leftToModel?: readonly (keyof Settings)[];
}

/** Of defaults.yaml, over those of the transformer's kind; those of the kind alone where there is no release. */
export function sampleDefaults(
  found: FoundRelease,
  /** Whether a class is to be drawn, so that the transformer can only be one of that kind. */
  ofClass = false,
): SampleDefaults {
  const said = found.ditKind ?? DIT_KINDS['next-dit'];
  const isGuess = ofClass && said.condition === 'text';
  const kind = isGuess ? DIT_KINDS.svg : said;
  const read = found.defaults.read(found.cellPixels ?? PUBLISHED_CELL_PIXELS);
  const own = meantFor(kind, read.settings);
  const { dimensions = {} } = found.ditConfig ?? {};
  const noneClass = !('class_dropout_prob' in dimensions && dimensions.class_dropout_prob === 0);
  const usual = usualSettings(kind, { noneClass }, { weak: found.options.weakDit !== undefined });
  const isUnsaid = (name: keyof Settings) => own[name] === undefined;
  const ofModel = settingsOfModel(kind, isGuess).filter(isUnsaid);
  // Only the weights tell whether there is a "none" to guide away from.
  const leftToModel =
    kind.condition === 'class' ? (['guidanceScale'] as const).filter((name) => isUnsaid(name)) : [];
  return {
    ...read,
    settings: { ...usual, ...own },
    ...(ofModel.length === 0 ? {} : { ofModel }),
    ...(leftToModel.length === 0 ? {} : { leftToModel }),
  };
}

/** Of a model whose name tells no kind, all that a kind is sampled with. */
function settingsOfModel(kind: DitKind, isGuess: boolean): readonly (keyof Settings)[] {
  if (isGuess) return Object.keys(kind.settings) as (keyof Settings)[];
  return kind.shiftBase === undefined ? [] : ['width', 'height', 'shift'];
}
