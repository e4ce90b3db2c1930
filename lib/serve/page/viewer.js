/** One picture, large, with what it was drawn from and what can be done with it. */
import { BlobImage } from './blobs.js';
import { byId, make } from './dom.js';
import { settingRows, subjectOf } from './settings.js';
import { fileName } from './words.js';

/** @import { Gallery } from './gallery.js' */
/** @import { Picture } from './types.js' */

/** A picture this much smaller than its place is shown with its pixels, not with a blur. */
const FEW_PIXELS = 128;

/**
 * @typedef {object} ViewerActions
 * @property {(picture: Picture) => void} onAgain
 * @property {(picture: Picture) => Promise<void>} onDelete
 */

export class Viewer {
  #dialog = byId('viewer', HTMLDialogElement);
  #title = byId('viewer-title', HTMLHeadingElement);
  #element = byId('viewer-image', HTMLImageElement);
  #image = new BlobImage(this.#element);
  #subject = byId('viewer-subject', HTMLParagraphElement);
  #settings = byId('viewer-settings', HTMLDListElement);
  #more = byId('viewer-more', HTMLDetailsElement);
  #others = byId('viewer-others', HTMLDListElement);
  #newer = byId('viewer-newer', HTMLButtonElement);
  #older = byId('viewer-older', HTMLButtonElement);
  #gallery;
  #actions;
  /** @type {Picture | undefined} */
  #picture;

  /**
   * @param {Gallery} gallery
   * @param {ViewerActions} actions
   */
  constructor(gallery, actions) {
    this.#gallery = gallery;
    this.#actions = actions;
    this.#newer.addEventListener('click', () => this.#move(-1));
    this.#older.addEventListener('click', () => this.#move(1));
    byId('viewer-close', HTMLButtonElement).addEventListener('click', () => this.#dialog.close());
    byId('viewer-again', HTMLButtonElement).addEventListener('click', () => this.#again());
    byId('viewer-download', HTMLButtonElement).addEventListener('click', () => this.#download());
    byId('viewer-delete', HTMLButtonElement).addEventListener('click', () => this.#delete());
    this.#dialog.addEventListener('keydown', (event) => {
      if (event.key === 'ArrowLeft') this.#move(-1);
      if (event.key === 'ArrowRight') this.#move(1);
    });
    this.#dialog.addEventListener('click', ({ target }) => {
      // Nothing of the dialog itself shows but its backdrop.
      if (target === this.#dialog) this.#dialog.close();
    });
    this.#dialog.addEventListener('close', () => this.#closed());
  }

  /** @param {Picture} picture */
  open(picture) {
    this.#show(picture);
    if (!this.#dialog.open) this.#dialog.showModal();
    this.#title.focus();
  }

  /** @param {Picture} picture */
  #show(picture) {
    this.#picture = picture;
    const subject = subjectOf(picture.body);
    this.#image.show(picture.blob);
    this.#element.alt = subject;
    this.#element.width = picture.width;
    this.#element.height = picture.height;
    this.#element.style.setProperty('--natural-width', `${picture.width}px`);
    this.#element.classList.toggle('has-few-pixels', Math.max(picture.width, picture.height) <= FEW_PIXELS);
    this.#subject.textContent = subject;
    const { main, others } = settingRows({ ...picture.body, seed: picture.seed });
    this.#settings.replaceChildren(...main.map(row));
    this.#others.replaceChildren(...others.map(row));
    this.#more.hidden = others.length === 0;
    this.#newer.disabled = this.#gallery.beside(picture.id, -1) === undefined;
    this.#older.disabled = this.#gallery.beside(picture.id, 1) === undefined;
  }

  /** @param {number} offset */
  #move(offset) {
    const next = this.#picture && this.#gallery.beside(this.#picture.id, offset);
    if (next === undefined) return;
    this.#show(next);
    // A button that is disabled now would keep the focus to itself.
    if (document.activeElement instanceof HTMLButtonElement && document.activeElement.disabled) {
      this.#title.focus();
    }
  }

  #download() {
    if (this.#picture === undefined) return;
    const { body, seed, format } = this.#picture;
    const download = fileName({ subject: subjectOf(body), seed, format });
    make('a', { href: this.#image.url, download }).click();
  }

  #again() {
    const picture = this.#picture;
    // The focus goes to the form then, not back to the gallery.
    this.#picture = undefined;
    this.#dialog.close();
    if (picture !== undefined) this.#actions.onAgain(picture);
  }

  async #delete() {
    const picture = this.#picture;
    if (picture === undefined) return;
    const next = this.#gallery.beside(picture.id, 1) ?? this.#gallery.beside(picture.id, -1);
    await this.#actions.onDelete(picture);
    this.#picture = next;
    if (next !== undefined) {
      this.open(next);
      return;
    }
    this.#dialog.close();
    this.#gallery.focus('');
  }

  #closed() {
    this.#image.release();
    if (this.#picture !== undefined) this.#gallery.focus(this.#picture.id);
    this.#picture = undefined;
  }
}

/** @param {[string, string]} setting */
function row([name, value]) {
  return make('div', {}, make('dt', {}, name), make('dd', {}, value));
}
