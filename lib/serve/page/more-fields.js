/** The settings under "more": those that the server describes and that the chosen solver reads. */
import { byId, make } from './dom.js';
import { choose, numberProblems, setChoices } from './field-problems.js';
import { numberOf, textOf } from './settings.js';
import { label, sentence } from './words.js';

/** @import { Problem } from './field-problems.js' */
/** @import { Capabilities, DrawBody, Json, ModelFacts, SettingSchema, SolverFacts } from './types.js' */

/** In this order; each is shown where the server knows it. */
const SOLVER_SETTINGS = ['order', 'method', 'skip_type', 'shift', 'atol', 'rtol'];
const GUIDANCE_SETTINGS = ['guidance_mode', 'renorm', 'guidance_from', 'guidance_until', 'guidance_schedule'];
const SPEED_SETTINGS = ['step_cache', 'step_cache_rescale'];
const OWN_TEXT = 'text of your own';

/** @typedef {{ readonly name: string, readonly box: HTMLDivElement, readonly input: HTMLInputElement | HTMLSelectElement }} SchemaField */

export class MoreFields {
  #negativeField = byId('negative-field', HTMLDivElement);
  #negative = byId('negative', HTMLTextAreaElement);
  #systemField = byId('system-field', HTMLDivElement);
  #system = byId('system', HTMLSelectElement);
  #systemText = byId('system-text', HTMLTextAreaElement);
  #solver = byId('solver', HTMLSelectElement);
  #format = byId('format', HTMLSelectElement);
  #previews = byId('previews', HTMLInputElement);
  #place = byId('schema-fields', HTMLDivElement);
  /** @type {SchemaField[]} */
  #fields = [];
  /** @type {readonly SolverFacts[]} */
  #solvers = [];
  #isText = true;
  #onSolver;

  /** @param {(solver: SolverFacts) => void} onSolver */
  constructor(onSolver) {
    this.#onSolver = onSolver;
    this.#solver.addEventListener('change', () => this.#showSolver());
    this.#system.addEventListener('change', () => this.#showSystemText());
  }

  /**
   * @param {ModelFacts} model
   * @param {Capabilities} capabilities
   */
  show(model, { solvers, settings, output_formats }) {
    this.#isText = model.condition === 'text';
    this.#negativeField.hidden = this.#systemField.hidden = !this.#isText;
    this.#solvers = solvers;
    setChoices(
      this.#solver,
      solvers.map(({ name, title }) => ({ value: name, text: `${name} (${title})` })),
    );
    setChoices(this.#system, [...model.system_prompts, OWN_TEXT]);
    setChoices(
      this.#format,
      output_formats.map((format) => ({ value: format, text: format.toUpperCase() })),
    );
    this.#fields = [...SOLVER_SETTINGS, ...GUIDANCE_SETTINGS, ...SPEED_SETTINGS].flatMap((name) => {
      const schema = settings[name];
      return schema === undefined ? [] : [schemaField(name, schema)];
    });
    this.#place.replaceChildren(...this.#fields.map(({ box }) => box));
  }

  /** @param {DrawBody} body */
  fill(body) {
    this.#negative.value = textOf(body, 'negative_prompt') ?? '';
    choose(this.#solver, textOf(body, 'solver') ?? '');
    choose(this.#format, textOf(body, 'output_format') ?? 'png');
    this.#previews.checked = numberOf(body, 'preview_every') !== 0;
    const system = textOf(body, 'system_prompt') ?? '';
    const isNamed = [...this.#system.options].some(({ value }) => value === system);
    this.#system.value = isNamed ? system : OWN_TEXT;
    this.#systemText.value = isNamed ? '' : system;
    for (const { name, input } of this.#fields) {
      input.value = textOf(body, name) ?? String(numberOf(body, name) ?? '');
    }
    this.#showSystemText();
    this.#showSolver();
  }

  /** @returns {{ part: DrawBody, problems: Problem[] }} */
  read() {
    const fields = this.#fields.filter(({ box }) => !box.hidden);
    const problems = fields.flatMap(({ input }) => problemsOf(input));
    /** @type {Record<string, Json>} */
    const part = { solver: this.#solver.value, output_format: this.#format.value };
    if (!this.#previews.checked) part.preview_every = 0;
    if (this.#isText) {
      part.negative_prompt = this.#negative.value.trim();
      part.system_prompt = this.#system.value === OWN_TEXT ? this.#systemText.value : this.#system.value;
    }
    for (const { name, input } of fields) {
      const isGood = !problems.some((problem) => problem.input === input);
      if (isGood && input.value !== '') part[name] = typedValue(input);
    }
    return { part, problems };
  }

  #showSystemText() {
    this.#systemText.hidden = this.#system.value !== OWN_TEXT;
  }

  #showSolver() {
    const solver = this.#solvers.find(({ name }) => name === this.#solver.value);
    if (solver === undefined) return;
    for (const { name, box } of this.#fields) {
      box.hidden = SOLVER_SETTINGS.includes(name) && !solver.fields.includes(name);
    }
    this.#onSolver(solver);
  }
}

/** Is one of the settings that are behind "more" wrong? @param {Problem} problem */
export function isUnderMore({ input }) {
  return input.closest('#more') !== null;
}

/**
 * @param {string} name
 * @param {SettingSchema} schema
 * @returns {SchemaField}
 */
function schemaField(name, schema) {
  const id = `setting-${name}`;
  const [help, problem] = [`${id}-help`, `${id}-problem`];
  const attributes = { id, 'data-setting': name, 'aria-describedby': `${help} ${problem}` };
  const input = schema.enum === undefined ? make('input', attributes) : make('select', attributes);
  if (input instanceof HTMLSelectElement) setChoices(input, schema.enum ?? []);
  else limit(input, schema);
  const box = make(
    'div',
    { class: 'field' },
    make('label', { for: id }, label(name)),
    input,
    make('p', { class: 'hint', id: help }, sentence(schema.description ?? '')),
    make('p', { class: 'problem', id: problem, hidden: true }),
  );
  return { name, box, input };
}

/**
 * @param {HTMLInputElement} input
 * @param {SettingSchema} schema
 */
function limit(input, schema) {
  if (schema.type !== 'number' && schema.type !== 'integer') {
    if (schema.pattern !== undefined) input.pattern = schema.pattern;
    return;
  }
  input.type = 'number';
  input.inputMode = schema.type === 'integer' ? 'numeric' : 'decimal';
  input.step = schema.type === 'integer' ? '1' : 'any';
  if (schema.minimum !== undefined) input.min = String(schema.minimum);
  if (schema.maximum !== undefined) input.max = String(schema.maximum);
  if (schema.exclusiveMinimum !== undefined) input.dataset.above = String(schema.exclusiveMinimum);
}

/**
 * @param {HTMLInputElement | HTMLSelectElement} input
 * @returns {Problem[]}
 */
function problemsOf(input) {
  if (input instanceof HTMLSelectElement) return [];
  if (input.type === 'number') return numberProblems(input);
  return input.validity.patternMismatch ? [{ input, message: 'Not one of the forms above.' }] : [];
}

/** @param {HTMLInputElement | HTMLSelectElement} input */
function typedValue(input) {
  return input instanceof HTMLInputElement && input.type === 'number' ? input.valueAsNumber : input.value;
}
