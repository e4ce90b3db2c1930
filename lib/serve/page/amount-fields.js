/** How much: steps, guidance and pictures, as exact numbers and, where that helps, by a slider. */
import { byId } from './dom.js';
import { numberProblems } from './field-problems.js';
import { numberOf } from './settings.js';

/** @import { Problem } from './field-problems.js' */
/** @import { Capabilities, DrawBody, ModelFacts } from './types.js' */

/** A slider is of use for the usual numbers; larger ones are typed. */
const SLIDER_STEPS = 100;

export class AmountFields {
  #stepsField = byId('steps-field', HTMLDivElement);
  #steps = byId('steps', HTMLInputElement);
  #stepsSlider = byId('steps-slider', HTMLInputElement);
  #guidance = byId('guidance', HTMLInputElement);
  #guidanceSlider = byId('guidance-slider', HTMLInputElement);
  #count = byId('count', HTMLInputElement);

  constructor() {
    couple(this.#steps, this.#stepsSlider);
    couple(this.#guidance, this.#guidanceSlider);
    for (const input of [this.#steps, this.#guidance, this.#count]) input.required = true;
  }

  /**
   * @param {ModelFacts} _model
   * @param {Capabilities} capabilities
   */
  show(_model, { limits }) {
    this.#steps.max = String(limits.steps);
    this.#stepsSlider.max = String(Math.min(limits.steps, SLIDER_STEPS));
    this.#count.max = String(limits.n);
  }

  /**
   * Solvers that choose their own steps are asked for none.
   *
   * @param {{ readonly readsSteps: boolean, readonly leastSteps: number }} solver
   */
  showSolver({ readsSteps, leastSteps }) {
    this.#stepsField.hidden = !readsSteps;
    this.#steps.min = this.#stepsSlider.min = String(leastSteps);
  }

  /** @param {DrawBody} body */
  fill(body) {
    set(this.#steps, this.#stepsSlider, numberOf(body, 'num_inference_steps'));
    set(this.#guidance, this.#guidanceSlider, numberOf(body, 'guidance_scale'));
    this.#count.value = String(numberOf(body, 'n') ?? 1);
  }

  /** @returns {{ part: DrawBody, problems: Problem[] }} */
  read() {
    const inputs = [this.#guidance, this.#count, ...(this.#stepsField.hidden ? [] : [this.#steps])];
    const problems = inputs.flatMap(numberProblems);
    const isGood = (/** @type {HTMLInputElement} */ input) =>
      inputs.includes(input) && !problems.some((problem) => problem.input === input);
    return {
      part: {
        n: isGood(this.#count) ? this.#count.valueAsNumber : 1,
        ...(isGood(this.#steps) ? { num_inference_steps: this.#steps.valueAsNumber } : {}),
        ...(isGood(this.#guidance) ? { guidance_scale: this.#guidance.valueAsNumber } : {}),
      },
      problems,
    };
  }
}

/**
 * @param {HTMLInputElement} number
 * @param {HTMLInputElement} slider
 */
function couple(number, slider) {
  number.addEventListener('input', () => {
    slider.value = number.value;
  });
  slider.addEventListener('input', () => {
    number.value = slider.value;
    // The number is what counts: whatever listens to it hears of this too.
    number.dispatchEvent(new Event('input', { bubbles: true }));
  });
}

/**
 * @param {HTMLInputElement} number
 * @param {HTMLInputElement} slider
 * @param {number | undefined} value
 */
function set(number, slider, value) {
  number.value = value === undefined ? '' : String(value);
  slider.value = number.value;
}
