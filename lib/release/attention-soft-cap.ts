/** Whether the text encoder's attention scores are capped: who says so, and in which order. */

/**
 * The original computes its features without the cap that Gemma-2's config.json names (its pinned transformers 4.57.3
 * attends by sdpa, which leaves it out), and so do we where nothing says otherwise.
 */
export function settleAttentionSoftCap(sources: {
  /** Of the caller. */
  readonly asked: boolean | undefined;
  /** What model_args.json beside the transformer says that it was trained with. */
  readonly trained?: boolean | undefined;
  /** What the release's defaults.yaml says; asked last. */
  readonly ofRelease?: (() => boolean | undefined) | undefined;
}): boolean {
  const { asked, trained, ofRelease } = sources;
  return asked ?? trained ?? ofRelease?.() ?? false;
}

/** A remark where a caller asks for other features than the transformer was trained with. */
export function softCapWarning(used: boolean, trained: boolean | undefined): string | undefined {
  if (trained === undefined || used === trained) return undefined;
  const how = (capped: boolean) => (capped ? 'with' : 'without');
  return `the transformer was trained ${how(trained)} a cap on the text encoder's attention scores and draws ${how(used)} it, as attentionSoftCap says`;
}
