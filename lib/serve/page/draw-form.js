/** The form: what can be asked of the chosen model, and what is asked. */
import { AmountFields } from './amount-fields.js';
import { byId } from './dom.js';
import { choose, clearProblemsOnInput, inputOf, setChoices, tellProblem } from './field-problems.js';
import { isUnderMore, MoreFields } from './more-fields.js';
import { SeedField } from './seed-field.js';
import { textOf, withDefaults } from './settings.js';
import { SizeField } from './size-field.js';
import { SubjectField } from './subject-field.js';

/** @import { Problem } from './field-problems.js' */
/** @import { Capabilities, DrawBody, Json, ModelFacts, UnreadyModel } from './types.js' */

/** Settings of a picture that another model need not have. */
const OF_ANY_MODEL = ['prompt', 'n', 'seed'];

export class DrawForm {
  #form = byId('draw-form', HTMLFormElement);
  #modelField = byId('model-field', HTMLDivElement);
  #model = byId('model', HTMLSelectElement);
  #more = byId('more', HTMLDetailsElement);
  #draw = byId('draw', HTMLButtonElement);
  #problem = byId('draw-problem', HTMLParagraphElement);
  #amounts = new AmountFields();
  #seed = new SeedField();
  #subject = new SubjectField();
  #size = new SizeField();
  #moreFields = new MoreFields((solver) =>
    this.#amounts.showSolver({
      readsSteps: solver.fields.includes('num_inference_steps'),
      leastSteps: solver.least_steps,
    }),
  );
  #onSubmit;
  #onInput;
  /** @type {Capabilities | undefined} */
  #capabilities;
  #isConnected = false;
  /** Whether a model's settings are in it: before that there is nothing to read but a prompt. */
  #isFilled = false;

  /**
   * @param {(body: DrawBody) => void} onSubmit
   * @param {(body: DrawBody) => void} onInput Gets what is asked for so far.
   */
  constructor(onSubmit, onInput) {
    this.#onSubmit = onSubmit;
    this.#onInput = onInput;
    clearProblemsOnInput(this.#form);
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#form.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      if (!this.#draw.disabled) this.#submit();
    });
    for (const name of ['input', 'change']) {
      this.#form.addEventListener(name, () => {
        if (this.#isFilled) this.#onInput(this.#read().body);
      });
    }
    this.#model.addEventListener('change', () => this.#fillOther());
    byId('reset', HTMLButtonElement).addEventListener('click', () => this.#fillOther());
  }

  /**
   * @param {Capabilities} capabilities
   * @param {DrawBody} saved What to fill it with at first: later it keeps what is in it, whatever other tabs have saved.
   */
  show(capabilities, saved) {
    const body = this.#isFilled ? this.#read().body : saved;
    this.#capabilities = capabilities;
    setChoices(
      this.#model,
      capabilities.models.map((model) => ({ value: model.id, text: modelWords(model) })),
    );
    this.#modelField.hidden = capabilities.models.length < 2;
    const typed = byId('prompt', HTMLTextAreaElement).value;
    this.fill(this.#isFilled || typed === '' ? body : { ...body, prompt: typed });
  }

  /** Whether there is a server to send to. @param {boolean} isConnected */
  setConnected(isConnected) {
    this.#isConnected = isConnected;
    this.#showReady();
  }

  /** Takes over settings; those that are not among them are the model's. @param {DrawBody} body */
  fill(body) {
    const capabilities = this.#capabilities;
    if (capabilities === undefined) return;
    choose(this.#model, textOf(body, 'model') ?? '');
    const model = this.#chosenModel(capabilities);
    this.#showReady();
    if (!model?.ready) return;
    this.#isFilled = true;
    const all = withDefaults(model, body);
    for (const field of [this.#subject, this.#size, this.#amounts, this.#moreFields]) {
      field.show(model, capabilities);
      field.fill(all);
    }
    this.#seed.fill(all);
    for (const { input } of this.#read().problems) tellProblem(input);
  }

  /** @param {number} seed */
  drawn(seed) {
    this.#seed.drawn(seed);
  }

  focus() {
    const prompt = byId('prompt', HTMLTextAreaElement);
    const target = byId('prompt-field', HTMLDivElement).hidden ? byId('class', HTMLInputElement) : prompt;
    target.focus();
  }

  focusDraw() {
    if (this.#draw.disabled) this.focus();
    else this.#draw.focus();
  }

  /**
   * The server has refused a setting.
   *
   * @param {string} setting
   * @param {string} message
   * @returns {boolean} Whether there is such a field.
   */
  refuse(setting, message) {
    const input = inputOf(this.#form, setting);
    if (input === undefined || input.closest('[hidden]') !== null) return false;
    this.#tell([{ input, message }]);
    return true;
  }

  #showReady() {
    const model = this.#capabilities && this.#chosenModel(this.#capabilities);
    this.#draw.disabled = !(this.#isConnected && model?.ready);
    const words = this.#isConnected && model !== undefined ? failureWords(model) : '';
    // What is written again is read out again.
    if (this.#problem.textContent !== words) this.#problem.textContent = words;
    this.#problem.hidden = words === '';
  }

  #submit() {
    const { body, problems } = this.#read();
    if (problems.length > 0) this.#tell(problems);
    else this.#onSubmit(body);
  }

  /** @param {readonly Problem[]} problems */
  #tell(problems) {
    for (const { input, message } of problems) tellProblem(input, message);
    if (problems.some(isUnderMore)) this.#more.open = true;
    problems[0]?.input.focus();
  }

  #read() {
    /** @type {Record<string, Json>} */
    const body = this.#model.value === '' ? {} : { model: this.#model.value };
    /** @type {Problem[]} */
    const problems = [];
    for (const field of [this.#subject, this.#size, this.#amounts, this.#seed, this.#moreFields]) {
      const { part, problems: own } = field.read();
      Object.assign(body, part);
      problems.push(...own);
    }
    return { body, problems };
  }

  /** The chosen model's own settings, for the same prompt. */
  #fillOther() {
    const { body } = this.#read();
    const kept = Object.entries(body).filter(([name]) => OF_ANY_MODEL.includes(name));
    this.fill({ ...Object.fromEntries(kept), model: this.#model.value });
    this.#onInput(this.#read().body);
  }

  /**
   * @param {Capabilities} capabilities
   * @returns {ModelFacts | UnreadyModel | undefined}
   */
  #chosenModel({ models }) {
    return models.find(({ id }) => id === this.#model.value) ?? models[0];
  }
}

/** @param {ModelFacts | UnreadyModel} model */
function modelWords(model) {
  if (model.ready) return model.id;
  return `${model.id} (${model.state === 'failed' ? 'could not be loaded' : 'is being loaded'})`;
}

/** Why nothing can be drawn with it, where that stays so. @param {ModelFacts | UnreadyModel} model */
function failureWords(model) {
  if (model.ready || model.state !== 'failed') return '';
  return `${model.id} could not be loaded: the log of the server says why.`;
}
