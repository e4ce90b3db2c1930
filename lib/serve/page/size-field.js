/** The size of a picture: one of those that suit the model, or any that it can draw. */
import { byId, make } from './dom.js';
import { numberProblems } from './field-problems.js';
import { sidesOf, textOf } from './settings.js';
import { megapixels, sizeWords } from './words.js';

/** @import { Problem } from './field-problems.js' */
/** @import { Capabilities, DrawBody, ModelFacts } from './types.js' */

const FREE = 'free';
const SVG = 'http://www.w3.org/2000/svg';
/** Side of the square that a size's shape is drawn into. */
const SHAPE = 14;

export class SizeField {
  #presets = byId('sizes', HTMLDivElement);
  #free = byId('free-size', HTMLDivElement);
  #help = byId('size-help', HTMLParagraphElement);
  #width = byId('width', HTMLInputElement);
  #height = byId('height', HTMLInputElement);
  #maxPixels = Number.POSITIVE_INFINITY;

  constructor() {
    this.#presets.addEventListener('change', () => this.#showFree());
  }

  /**
   * @param {ModelFacts} model
   * @param {Capabilities} capabilities
   */
  show(model, { limits }) {
    const multiple = model.cell_pixels * model.patch;
    this.#maxPixels = limits.pixels;
    for (const input of [this.#width, this.#height]) {
      input.required = true;
      input.min = input.step = String(multiple);
      input.max = String(model.max_side - (model.max_side % multiple));
    }
    this.#help.textContent = `Multiples of ${multiple}, ${megapixels(limits.pixels)} at most.`;
    this.#presets.replaceChildren(...[...model.sizes, FREE].map(preset));
  }

  /** @param {DrawBody} body */
  fill(body) {
    const size = textOf(body, 'size') ?? '';
    const radio = [...this.#radios()].find(({ value }) => value === size);
    const sides = sidesOf(size);
    if (sides !== undefined) {
      this.#width.value = String(sides.width);
      this.#height.value = String(sides.height);
    }
    const chosen = radio ?? [...this.#radios()].at(-1);
    if (chosen !== undefined) chosen.checked = true;
    this.#showFree();
  }

  /** @returns {{ part: DrawBody, problems: Problem[] }} */
  read() {
    const size = this.#chosen();
    if (size !== FREE) return { part: { size }, problems: [] };
    const problems = [...numberProblems(this.#width), ...numberProblems(this.#height)];
    const [width, height] = [this.#width.valueAsNumber, this.#height.valueAsNumber];
    if (problems.length === 0 && width * height > this.#maxPixels) {
      const message = `${sizeWords(`${width}x${height}`)} is more than the ${megapixels(this.#maxPixels)} that this server draws.`;
      problems.push({ input: this.#width, message });
    }
    return { part: problems.length > 0 ? {} : { size: `${width}x${height}` }, problems };
  }

  #radios() {
    return this.#presets.querySelectorAll('input');
  }

  #chosen() {
    return [...this.#radios()].find(({ checked }) => checked)?.value ?? FREE;
  }

  #showFree() {
    const chosen = this.#chosen();
    this.#free.hidden = this.#help.hidden = chosen !== FREE;
    const sides = sidesOf(chosen);
    if (sides === undefined) return;
    // What the free fields begin with, once they are chosen.
    this.#width.value = String(sides.width);
    this.#height.value = String(sides.height);
  }
}

/** @param {string} size */
function preset(size) {
  const radio = make('input', { type: 'radio', name: 'size', value: size });
  const sides = sidesOf(size);
  const content = sides === undefined ? ['Free'] : [shape(sides), sizeWords(size)];
  return make('label', { class: 'chip' }, radio, make('span', {}, ...content));
}

/** A small outline with the sides' ratio. @param {{ width: number, height: number }} sides */
function shape({ width, height }) {
  const scale = (SHAPE - 2) / Math.max(width, height);
  const [wide, high] = [Math.max(3, width * scale), Math.max(3, height * scale)];
  const rectangle = document.createElementNS(SVG, 'rect');
  for (const [name, value] of Object.entries({
    x: (SHAPE - wide) / 2,
    y: (SHAPE - high) / 2,
    width: wide,
    height: high,
    rx: 1.5,
  })) {
    rectangle.setAttribute(name, String(value));
  }
  const drawing = document.createElementNS(SVG, 'svg');
  drawing.setAttribute('viewBox', `0 0 ${SHAPE} ${SHAPE}`);
  drawing.setAttribute('aria-hidden', 'true');
  drawing.append(rectangle);
  return drawing;
}
