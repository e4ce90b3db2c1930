/** Asks for the API key of a server that wants one. */
import { byId } from './dom.js';
import { tellProblem } from './field-problems.js';

/** @import { ApiKey } from './api-key.js' */

export class KeyDialog {
  #button = byId('key-button', HTMLButtonElement);
  #dialog = byId('key-dialog', HTMLDialogElement);
  #form = byId('key-form', HTMLFormElement);
  #input = byId('key', HTMLInputElement);
  #keep = byId('key-keep', HTMLInputElement);
  #forget = byId('key-forget', HTMLButtonElement);
  #key;

  /**
   * @param {ApiKey} key
   * @param {() => void} onChange
   */
  constructor(key, onChange) {
    this.#key = key;
    this.#button.addEventListener('click', () => this.open());
    byId('key-cancel', HTMLButtonElement).addEventListener('click', () => this.#dialog.close());
    this.#forget.addEventListener('click', () => {
      key.forget();
      this.#dialog.close();
      onChange();
    });
    this.#form.addEventListener('submit', (event) => {
      const value = this.#input.value.trim();
      // What an HTTP header cannot carry is no key either.
      if (/^[\x21-\x7e]+$/.test(value)) {
        key.set(value, this.#keep.checked);
        onChange();
        return;
      }
      event.preventDefault();
      tellProblem(
        this.#input,
        value === '' ? 'Enter the key.' : 'A key has letters, digits and signs alone.',
      );
      this.#input.focus();
    });
  }

  /** Shows the button that opens it. @param {boolean} isWanted */
  offer(isWanted) {
    this.#button.hidden = !isWanted;
  }

  /** @param {string} [problem] What is wrong with the key so far. */
  open(problem) {
    if (this.#dialog.open && problem === undefined) return;
    // A request with the key before was refused: what is typed by now is another one.
    if (this.#dialog.open && this.#input.value !== '') return;
    this.#input.value = '';
    this.#keep.checked = this.#key.isKept;
    this.#forget.hidden = this.#key.value === undefined;
    tellProblem(this.#input, problem);
    if (!this.#dialog.open) this.#dialog.showModal();
    this.#input.focus();
  }
}
