/** What pictures of shapes are judged for. */

/** GenEval's categories (Ghosh et al., 2023), by its own names. */
export const CATEGORIES = [
  'single_object',
  'two_objects',
  'counting',
  'colors',
  'position',
  'color_attribution',
] as const;
