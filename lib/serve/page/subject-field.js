/** What is drawn: a prompt, or one of the classes of a model that knows no words. */
import { byId } from './dom.js';
import { numberOf, textOf } from './settings.js';

/** @import { Problem } from './field-problems.js' */
/** @import { Capabilities, DrawBody, ModelFacts } from './types.js' */

/** From which share of the longest prompt on its length is told. */
const NEAR = 0.8;

export class SubjectField {
  #promptField = byId('prompt-field', HTMLDivElement);
  #prompt = byId('prompt', HTMLTextAreaElement);
  #promptCount = byId('prompt-count', HTMLSpanElement);
  #classField = byId('class-field', HTMLDivElement);
  #class = byId('class', HTMLInputElement);
  #classHelp = byId('class-help', HTMLParagraphElement);
  #classNames = byId('class-names', HTMLDataListElement);
  #isText = true;
  #maxCharacters = Number.POSITIVE_INFINITY;
  /** @type {readonly string[]} */
  #names = [];
  /** How many classes there are; undefined where the server does not say. @type {number | undefined} */
  #count;

  constructor() {
    this.#prompt.addEventListener('input', () => this.#countCharacters());
  }

  /**
   * @param {ModelFacts} model
   * @param {Capabilities} capabilities
   */
  show(model, { limits }) {
    this.#isText = model.condition === 'text';
    this.#promptField.hidden = !this.#isText;
    this.#classField.hidden = this.#isText;
    this.#maxCharacters = limits.prompt_characters;
    this.#names = Array.isArray(model.classes) ? model.classes : [];
    this.#count = typeof model.classes === 'number' ? model.classes : this.#names.length || undefined;
    const range = this.#count === undefined ? 'from 0 on' : `from 0 to ${this.#count - 1}`;
    this.#classHelp.textContent = `A number ${range}${this.#names.length > 0 ? ', or a name' : ''}.`;
    this.#classNames.replaceChildren(...this.#names.map((name, number) => new Option(String(number), name)));
    this.#countCharacters();
  }

  /** @param {DrawBody} body */
  fill(body) {
    this.#prompt.value = textOf(body, 'prompt') ?? '';
    this.#class.value = textOf(body, 'class') ?? String(numberOf(body, 'class') ?? '');
    this.#countCharacters();
  }

  /** @returns {{ part: DrawBody, problems: Problem[] }} */
  read() {
    return this.#isText ? this.#readPrompt() : this.#readClass();
  }

  /** @returns {{ part: DrawBody, problems: Problem[] }} */
  #readPrompt() {
    const input = this.#prompt;
    const prompt = input.value.trim();
    if (prompt === '') return { part: {}, problems: [{ input, message: 'Say what should be drawn.' }] };
    const excess = prompt.length - this.#maxCharacters;
    const message = `${excess} characters too long: this server reads ${this.#maxCharacters}.`;
    return { part: { prompt }, problems: excess > 0 ? [{ input, message }] : [] };
  }

  /** @returns {{ part: DrawBody, problems: Problem[] }} */
  #readClass() {
    const input = this.#class;
    const typed = input.value.trim();
    const refuse = (/** @type {string} */ message) => ({ part: {}, problems: [{ input, message }] });
    if (typed === '') return refuse('Say which class should be drawn.');
    if (/^\d+$/.test(typed)) {
      const number = Number(typed);
      const isKnown = this.#count === undefined || number < this.#count;
      return isKnown ? { part: { class: number }, problems: [] } : refuse(this.#classHelp.textContent ?? '');
    }
    // The server also knows parts of names, synonyms and other spellings, and says what is nearest.
    return this.#names.length > 0 ? { part: { class: typed }, problems: [] } : refuse('Enter a number.');
  }

  #countCharacters() {
    const { length } = this.#prompt.value;
    this.#promptCount.textContent =
      length > NEAR * this.#maxCharacters ? `${length} of ${this.#maxCharacters}` : '';
  }
}
