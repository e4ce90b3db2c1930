/** The jobs that are drawn or wait, each with its progress, its pictures so far and a way to end it. */
import { BlobImage } from './blobs.js';
import { byId, make, makeButton } from './dom.js';
import { numberOf, sidesOf, subjectOf, textOf } from './settings.js';
import { duration, plural, sentence } from './words.js';

/** @import { PageJob } from './types.js' */

/**
 * @typedef {object} CardActions
 * @property {(job: PageJob) => void} onCancel
 * @property {(job: PageJob) => void} onAgain
 * @property {(job: PageJob) => void} onDismiss
 * @property {() => void} onFocusLost The button that had the focus is gone.
 */

export class JobCards {
  #section = byId('jobs-section', HTMLElement);
  #place = byId('jobs', HTMLDivElement);
  #actions;
  /** @type {Map<string, Card>} */
  #cards = new Map();

  /** @param {CardActions} actions */
  constructor(actions) {
    this.#actions = actions;
  }

  /** @param {readonly PageJob[]} jobs */
  show(jobs) {
    const hadFocus = this.#section.contains(document.activeElement);
    const ids = new Set(jobs.map(({ id }) => id));
    for (const [id, card] of this.#cards) {
      if (ids.has(id)) continue;
      card.remove();
      this.#cards.delete(id);
    }
    for (const job of jobs) this.#cardOf(job).show(job);
    this.#section.hidden = jobs.length === 0;
    if (hadFocus && !this.#section.contains(document.activeElement)) this.#actions.onFocusLost();
  }

  /** Brings the newest job into sight. */
  reveal() {
    const isCalm = matchMedia('(prefers-reduced-motion: reduce)').matches;
    this.#place.lastElementChild?.scrollIntoView({ block: 'nearest', behavior: isCalm ? 'auto' : 'smooth' });
  }

  /** @param {PageJob} job */
  #cardOf(job) {
    const known = this.#cards.get(job.id);
    if (known !== undefined) return known;
    const card = new Card(job, this.#actions);
    this.#cards.set(job.id, card);
    this.#place.append(card.element);
    return card;
  }
}

class Card {
  #state = make('p', { class: 'job-state' });
  #progress = make('progress', { 'aria-label': 'Progress' });
  #warnings = make('ul', { class: 'job-warnings', hidden: true });
  #cancel;
  #endings;
  /** @type {BlobImage[]} */
  #images = [];

  /**
   * @param {PageJob} job
   * @param {CardActions} actions
   */
  constructor(job, actions) {
    const subject = subjectOf(job.body);
    this.#cancel = makeButton('Cancel', () => {
      if (!job.isCancelling) actions.onCancel(job);
    });
    this.#endings = make(
      'div',
      { class: 'button-row', hidden: true },
      makeButton('Again with these', () => actions.onAgain(job)),
      makeButton('Dismiss', () => actions.onDismiss(job)),
    );
    const name = `job-${job.id}`;
    this.element = make(
      'article',
      { class: 'job', 'aria-labelledby': name },
      make('div', { class: 'job-head' }, make('h3', { id: name, title: subject }, subject), this.#cancel),
      this.#state,
      this.#progress,
      this.#warnings,
      make('ul', { class: 'previews' }, ...this.#makeTiles(job)),
      this.#endings,
    );
  }

  /** @param {PageJob} job */
  show(job) {
    const hasFailed = job.isOver && job.status !== 'done';
    this.element.dataset.status = hasFailed ? 'failed' : job.status;
    setText(this.#state, stateWords(job));
    this.#progress.hidden = hasFailed;
    showProgress(this.#progress, job);
    const hadFocus = document.activeElement === this.#cancel;
    this.#cancel.hidden = hasFailed;
    // Not disabled: that would take the focus from whoever has just pressed it.
    this.#cancel.setAttribute('aria-disabled', String(job.isCancelling === true));
    setText(this.#cancel, job.isCancelling ? 'Cancelling' : 'Cancel');
    this.#endings.hidden = !hasFailed;
    if (hasFailed && hadFocus) this.#endings.querySelector('button')?.focus();
    this.#warnings.hidden = job.warnings.length === 0;
    while (this.#warnings.childElementCount < job.warnings.length) {
      const warning = job.warnings[this.#warnings.childElementCount] ?? '';
      this.#warnings.append(make('li', {}, sentence(warning)));
    }
    for (const [index, tile] of [...this.element.querySelectorAll('.previews li')].entries()) {
      tile.classList.toggle('is-done', job.done.has(index));
      tile.classList.toggle('is-empty', !job.previews.has(index));
      this.#showPreview(tile.querySelector('img'), index, job.previews.get(index));
    }
  }

  /**
   * @param {HTMLImageElement | null} element
   * @param {number} index
   * @param {Blob | undefined} preview
   */
  #showPreview(element, index, preview) {
    if (element === null) return;
    element.hidden = preview === undefined;
    if (preview !== undefined) this.#images[index]?.show(preview);
  }

  remove() {
    for (const image of this.#images) image.release();
    this.element.remove();
  }

  /** @param {PageJob} job */
  #makeTiles(job) {
    const count = numberOf(job.body, 'n') ?? 1;
    const sides = sidesOf(textOf(job.body, 'size') ?? '') ?? { width: 1, height: 1 };
    return Array.from({ length: count }, (_, index) => {
      const alt = `Picture ${index + 1} of ${count}, on its way`;
      const image = make('img', { alt });
      this.#images.push(new BlobImage(image));
      const tile = make('li', { class: 'is-empty' }, image);
      tile.style.aspectRatio = `${sides.width} / ${sides.height}`;
      return tile;
    });
  }
}

/** How far a job is. @param {PageJob} job @returns {string} */
export function stateWords(job) {
  if (job.trouble !== undefined) return sentence(job.trouble);
  if (job.isCancelling) return 'Ending.';
  if (job.status === 'queued') {
    if (job.place === undefined) return 'In line.';
    return job.place === 1 ? 'Next in line.' : `Place ${job.place} in line.`;
  }
  if (!job.step) return job.isEncoding ? 'Reading the prompt.' : 'Beginning.';
  // A solver that chooses its own steps does not know how many are left.
  if (!job.steps) return `${plural(job.step, 'step')} so far.`;
  const left = job.etaSeconds === undefined ? '' : `, about ${duration(job.etaSeconds)} left`;
  return job.step >= job.steps ? 'Finishing.' : `Step ${job.step} of ${job.steps}${left}.`;
}

/** @param {PageJob} job @returns {number | undefined} From 0 to 1; undefined where it is not known. */
export function shareDone(job) {
  if (job.status === 'queued' || job.step === undefined || !job.steps) return undefined;
  return Math.min(1, job.step / job.steps);
}

/**
 * @param {HTMLProgressElement} progress
 * @param {PageJob} job
 */
function showProgress(progress, job) {
  const share = shareDone(job);
  if (share === undefined) progress.removeAttribute('value');
  else progress.value = share;
}

/** Nothing is written that is there already: a change of the page is work, also for screen readers. @param {HTMLElement} element @param {string} text */
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
