/** Whether the text encoder's attention scores are capped: who says so, and in which order. */
import { readDitConfig } from './dit-config.js';
import type { ReleaseLayout } from './layout.js';
import { readModelDefaults } from './model-defaults.js';

/**
 * The original computes its features without the cap that Gemma-2's config.json names (its pinned transformers 4.57.3
 * attends by sdpa, which leaves it out), and so do we where nothing says otherwise.
 */
export function settleAttentionSoftCap(sources: {
  /** Of the caller. */
  readonly asked: boolean | undefined;
  /** What model_args.json beside the transformer says that it was trained with. */
  readonly trained?: boolean | undefined;
  /** Of the release, for its defaults.yaml. */
  readonly folder?: string | undefined;
}): boolean {
  const { asked, trained, folder } = sources;
  if (asked !== undefined) return asked;
  if (trained !== undefined) return trained;
  return (folder === undefined ? undefined : readModelDefaults(folder).attentionSoftCap) ?? false;
}

/** Of the models that were found: what they are drawn with, and what their transformer was trained with. */
export function softCapOf(
  { folder, dit }: Pick<ReleaseLayout, 'folder' | 'dit'>,
  asked: boolean | undefined,
): { readonly attentionSoftCap: boolean; readonly trained: boolean | undefined } {
  const trained = dit === undefined ? undefined : readDitConfig(dit)?.attentionSoftCap;
  return { attentionSoftCap: settleAttentionSoftCap({ asked, trained, folder }), trained };
}

/** A remark where a caller asks for other features than the transformer was trained with. */
export function softCapWarning(used: boolean, trained: boolean | undefined): string | undefined {
  if (trained === undefined || used === trained) return undefined;
  const how = (capped: boolean) => (capped ? 'with' : 'without');
  return `the transformer was trained ${how(trained)} a cap on the text encoder's attention scores and draws ${how(used)} it, as attentionSoftCap says`;
}
