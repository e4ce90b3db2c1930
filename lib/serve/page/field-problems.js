/** What is wrong with a field: found in its own limits, and told under it. */
import { label } from './words.js';

/** @typedef {HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement} Input */
/** @typedef {{ readonly input: Input, readonly message: string }} Problem */

/**
 * Writes the problem under its field; without a message takes it away.
 *
 * @param {Input} input
 * @param {string} [message]
 */
export function tellProblem(input, message = '') {
  const place = document.getElementById(`${input.id}-problem`);
  if (place !== null) {
    place.textContent = message;
    place.hidden = message === '';
  }
  if (message === '') input.removeAttribute('aria-invalid');
  else input.setAttribute('aria-invalid', 'true');
}

/**
 * The problem goes as soon as the field is changed.
 *
 * @param {Element} form
 */
export function clearProblemsOnInput(form) {
  form.addEventListener('input', ({ target }) => {
    if (
      target instanceof HTMLInputElement ||
      target instanceof HTMLTextAreaElement ||
      target instanceof HTMLSelectElement
    ) {
      tellProblem(target);
    }
  });
}

/**
 * @param {HTMLInputElement} input Of type number.
 * @returns {Problem[]} None or one.
 */
export function numberProblems(input) {
  const { validity, min, max, step } = input;
  const tell = (/** @type {string} */ message) => [{ input, message }];
  if (validity.badInput) return tell('Enter a number.');
  if (input.value === '') return input.required ? tell('Enter a number.') : [];
  if (validity.rangeUnderflow || validity.rangeOverflow) return tell(rangeWords(min, max));
  if (validity.stepMismatch) return tell(step === '1' ? 'A whole number.' : `A multiple of ${step}.`);
  const above = input.dataset.above;
  if (above !== undefined && input.valueAsNumber <= Number(above)) return tell(`More than ${above}.`);
  return [];
}

/**
 * @param {string} min
 * @param {string} max
 */
function rangeWords(min, max) {
  if (min === '') return `At most ${max}.`;
  return max === '' ? `At least ${min}.` : `From ${min} to ${max}.`;
}

/**
 * The field of a setting that the server has refused.
 *
 * @param {Element} form
 * @param {string} setting In the server's names.
 * @returns {Input | undefined}
 */
export function inputOf(form, setting) {
  const found = form.querySelector(`[data-setting~="${CSS.escape(setting)}"]`);
  const isInput =
    found instanceof HTMLInputElement ||
    found instanceof HTMLTextAreaElement ||
    found instanceof HTMLSelectElement;
  return isInput ? found : undefined;
}

/**
 * A select's choices anew; what was chosen stays where it is still there.
 *
 * @param {HTMLSelectElement} select
 * @param {readonly (string | { readonly value: string, readonly text: string })[]} choices
 */
export function setChoices(select, choices) {
  const before = select.value;
  const options = choices.map((choice) =>
    typeof choice === 'string' ? new Option(label(choice), choice) : new Option(choice.text, choice.value),
  );
  select.replaceChildren(...options);
  choose(select, before);
}

/**
 * @param {HTMLSelectElement} select
 * @param {string} value Kept as it is where there is no such choice.
 */
export function choose(select, value) {
  if ([...select.options].some((option) => option.value === value)) select.value = value;
}
