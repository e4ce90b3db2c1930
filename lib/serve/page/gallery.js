/** The pictures of this browser, newest first: those that it keeps, and those that it had no room for. */
import { BlobImage } from './blobs.js';
import { byId, make } from './dom.js';
import { storedBytes } from './pictures.js';
import { subjectOf } from './settings.js';
import { byteSize, plural } from './words.js';

/** @import { Pictures } from './pictures.js' */
/** @import { Picture } from './types.js' */

/** Pictures that are shown at first, and with each "Show more". */
const PAGE = 24;

/** @typedef {{ readonly picture: Picture, readonly tile: HTMLLIElement, readonly image: BlobImage }} Tile */

export class Gallery {
  #list = byId('gallery', HTMLUListElement);
  #empty = byId('pictures-empty', HTMLParagraphElement);
  #count = byId('pictures-count', HTMLParagraphElement);
  #more = byId('show-more', HTMLButtonElement);
  #deleteAll = byId('delete-all', HTMLButtonElement);
  /** Undefined before it is opened, and where this browser keeps nothing. @type {Pictures | undefined} */
  #store;
  #onOpen;
  /** Newest first. @type {Tile[]} */
  #tiles = [];
  /** Ids of pictures that are in this page alone. @type {Set<string>} */
  #unkept = new Set();

  /** @param {(picture: Picture) => void} onOpen */
  constructor(onOpen) {
    this.#onOpen = onOpen;
  }

  /** Keeps pictures from now on, those that came before it too. @param {Pictures} store */
  async use(store) {
    this.#store = store;
    await this.load();
    const early = this.#tiles.filter(({ picture }) => this.#unkept.has(picture.id));
    for (const { picture } of early) await this.add(picture);
  }

  /** Goes on without a store that has failed: what is shown is in this page alone. */
  async goOnWithout() {
    this.#store = undefined;
    for (const { picture } of this.#tiles) this.#unkept.add(picture.id);
    await this.#tellCount();
  }

  /** Shows what the store has, as it is now. */
  async load() {
    const before = this.#tiles;
    const pictures = (await this.#store?.page(Math.max(PAGE, before.length))) ?? [];
    // What came while the store was read need not be in what it gave.
    const own = this.#tiles.filter((tile) => this.#unkept.has(tile.picture.id) || !before.includes(tile));
    for (const tile of this.#tiles.filter((one) => !own.includes(one))) discard(tile);
    const kept = pictures.filter(({ id }) => !own.some(({ picture }) => picture.id === id));
    this.#tiles = [...own, ...kept.map((picture) => this.#makeTile(picture))].sort(newestFirst);
    this.#list.replaceChildren(...this.#tiles.map(({ tile }) => tile));
    await this.#tellCount();
  }

  /**
   * Adds a picture and keeps it.
   *
   * @param {Picture} picture
   * @returns {Promise<void>} Rejects with what the browser says where it cannot keep it; it is shown all the same.
   */
  async add(picture) {
    if (this.find(picture.id) === undefined) {
      const tile = this.#makeTile(picture);
      this.#tiles = [tile, ...this.#tiles].sort(newestFirst);
      const next = this.#tiles[this.#tiles.indexOf(tile) + 1];
      this.#list.insertBefore(tile.tile, next?.tile ?? null);
      this.#unkept.add(picture.id);
    }
    try {
      await this.#store?.add(picture);
      if (this.#store !== undefined) this.#unkept.delete(picture.id);
    } finally {
      await this.#tellCount();
    }
  }

  /** @param {string} id */
  async remove(id) {
    const tile = this.find(id);
    if (tile !== undefined) discard(tile);
    this.#tiles = this.#tiles.filter((other) => other !== tile);
    this.#unkept.delete(id);
    await this.#store?.remove(id);
    await this.#tellCount();
  }

  async clear() {
    for (const tile of this.#tiles) discard(tile);
    this.#tiles = [];
    this.#unkept.clear();
    await this.#store?.clear();
    await this.#tellCount();
  }

  /** @param {string} id */
  find(id) {
    return this.#tiles.find(({ picture }) => picture.id === id);
  }

  /**
   * The picture beside another one.
   *
   * @param {string} id
   * @param {number} offset 1 is the next older one, -1 the next newer one.
   * @returns {Picture | undefined}
   */
  beside(id, offset) {
    const place = this.#tiles.findIndex(({ picture }) => picture.id === id);
    return place === -1 ? undefined : this.#tiles[place + offset]?.picture;
  }

  /** Puts the focus on a picture, or on the heading where it is gone. @param {string} id */
  focus(id) {
    const button = this.find(id)?.tile.querySelector('button');
    (button ?? byId('pictures-title', HTMLHeadingElement)).focus();
  }

  /** How many are here, kept or not. */
  async total() {
    return this.#unkept.size + ((await this.#store?.count()) ?? 0);
  }

  async showMore() {
    const last = this.#tiles.at(-1)?.picture;
    const pictures = (await this.#store?.page(PAGE, last)) ?? [];
    const tiles = pictures.map((picture) => this.#makeTile(picture));
    this.#tiles.push(...tiles);
    this.#list.append(...tiles.map(({ tile }) => tile));
    await this.#tellCount();
    tiles[0]?.tile.querySelector('button')?.focus();
  }

  /**
   * @param {Picture} picture
   * @returns {Tile}
   */
  #makeTile(picture) {
    const subject = subjectOf(picture.body);
    const image = make('img', {
      alt: `${subject}, seed ${picture.seed}`,
      width: String(picture.width),
      height: String(picture.height),
      loading: 'lazy',
      decoding: 'async',
    });
    const shown = new BlobImage(image);
    shown.show(picture.blob);
    const button = make(
      'button',
      { type: 'button', class: 'tile', title: subject },
      image,
      make('span', { class: 'tile-text', 'aria-hidden': 'true' }, subject),
    );
    button.addEventListener('click', () => this.#onOpen(picture));
    return { picture, tile: make('li', {}, button), image: shown };
  }

  async #tellCount() {
    const total = await this.total();
    const bytes = total === 0 ? undefined : await storedBytes();
    const size = bytes === undefined ? '' : `, ${byteSize(bytes)}`;
    this.#count.textContent = total === 0 ? '' : `${plural(total, 'picture')} in this browser${size}`;
    this.#empty.hidden = total > 0;
    this.#deleteAll.hidden = total === 0;
    this.#more.hidden = total <= this.#tiles.length;
  }
}

/** @param {Tile} tile */
function discard({ tile, image }) {
  image.release();
  tile.remove();
}

/** @param {Tile} one @param {Tile} other */
function newestFirst({ picture: one }, { picture: other }) {
  return other.createdAt - one.createdAt || (other.id < one.id ? -1 : 1);
}
