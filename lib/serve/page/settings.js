/** What a body says of each setting, and what counts where it says nothing. */

import { label } from './words.js';

/** @import { DrawBody, ModelFacts } from './types.js' */

/** @param {DrawBody} body @param {string} name @returns {string | undefined} */
export function textOf(body, name) {
  const value = body[name];
  return typeof value === 'string' ? value : undefined;
}

/** @param {DrawBody} body @param {string} name @returns {number | undefined} */
export function numberOf(body, name) {
  const value = body[name];
  return typeof value === 'number' ? value : undefined;
}

/**
 * The model's defaults, and over them what is asked for.
 *
 * @param {ModelFacts} model
 * @param {DrawBody} body
 * @returns {DrawBody}
 */
export function withDefaults(model, body) {
  return { ...model.defaults, ...body };
}

/** @param {string} size @returns {{ width: number, height: number } | undefined} Undefined where it is none. */
export function sidesOf(size) {
  const [, width, height] = /^(\d+)x(\d+)$/.exec(size) ?? [];
  return width === undefined || height === undefined
    ? undefined
    : { width: Number(width), height: Number(height) };
}

/** What is drawn, in words. @param {DrawBody} body @returns {string} */
export function subjectOf(body) {
  const { prompt, class: subject } = body;
  if (typeof prompt === 'string') return prompt;
  return typeof subject === 'number' ? `Class ${subject}` : String(subject ?? '');
}

/**
 * The settings of a picture with their labels: those that people look for first, and the others.
 *
 * @param {DrawBody} body
 * @returns {{ main: [string, string][], others: [string, string][] }}
 */
export function settingRows(body) {
  const rows = (/** @type {string[]} */ names) =>
    names.flatMap((name) => {
      const value = body[name];
      /** @type {[string, string]} */
      const row = [LABELS[name] ?? label(name), String(value)];
      return value === undefined || value === null || value === '' ? [] : [row];
    });
  const known = new Set(['prompt', 'class', 'n', 'preview_every', ...Object.keys(LABELS)]);
  return {
    main: rows(Object.keys(LABELS)),
    others: rows(Object.keys(body).filter((name) => !known.has(name))),
  };
}

/** @type {Readonly<Record<string, string>>} */
const LABELS = {
  size: 'Size',
  seed: 'Seed',
  num_inference_steps: 'Steps',
  guidance_scale: 'Guidance',
  negative_prompt: 'Negative prompt',
  solver: 'Solver',
  system_prompt: 'System prompt',
  model: 'Model',
  output_format: 'File format',
};
