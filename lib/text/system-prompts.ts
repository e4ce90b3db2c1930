/** What the model was taught to read before a caption. */

/**
 * Texts of SVG-T2I's sampling script (and Lumina-Image-2.0's, which it follows): the model's interface, to be kept to
 * the letter. `enhance` reads as `align`, for a prompt that the language model has written out first.
 */
export const SYSTEM_PROMPTS = {
  align:
    'You are an assistant designed to generate high-quality images with the highest degree of image-text alignment based on textual prompts. <Prompt Start> ',
  base: 'You are an assistant designed to generate high-quality images based on user prompts. <Prompt Start> ',
  aesthetics:
    'You are an assistant designed to generate high-quality images with highest degree of aesthetics based on user prompts. <Prompt Start> ',
  real: 'You are an assistant designed to generate superior images with the superior degree of image-text alignment based on textual prompts or user prompts. <Prompt Start> ',
  '4grid':
    'You are an assistant designed to generate four high-quality images with highest degree of aesthetics arranged in 2x2 grids based on user prompts. <Prompt Start> ',
  empty: '',
  enhance:
    'You are an assistant designed to generate high-quality images with the highest degree of image-text alignment based on textual prompts. <Prompt Start> ',
} as const;

export type SystemPromptName = keyof typeof SYSTEM_PROMPTS;

export function isSystemPromptName(text: string): text is SystemPromptName {
  return Object.hasOwn(SYSTEM_PROMPTS, text);
}

/** The text of a name, or the caller's own text as it stands. */
export function systemPromptText(nameOrText: string): string {
  return isSystemPromptName(nameOrText) ? SYSTEM_PROMPTS[nameOrText] : nameOrText;
}

/** The caption that the text encoder reads: the system prompt's text and the prompt, joined as they are. */
export function formatPrompt(prompt: string, systemPrompt: string): string {
  return systemPromptText(systemPrompt) + prompt;
}

/**
 * The caption that guidance steers away from. An empty one stands alone, without the system prompt, as the model was
 * trained on dropped captions.
 */
export function formatNegativePrompt(negative: string, systemPrompt: string): string {
  return negative === '' ? '' : formatPrompt(negative, systemPrompt);
}
