/** The API key of this server: for this tab alone, or kept in this browser where the user wants that. */

/** @import { SafeStorage } from './safe-storage.js' */

const NAME = 'svg-t2i.key';

export class ApiKey {
  #tab;
  #browser;

  /**
   * @param {SafeStorage} tab
   * @param {SafeStorage} browser
   */
  constructor(tab, browser) {
    this.#tab = tab;
    this.#browser = browser;
  }

  /** @returns {string | undefined} */
  get value() {
    return this.#tab.getItem(NAME) ?? this.#browser.getItem(NAME) ?? undefined;
  }

  get isKept() {
    return this.#browser.getItem(NAME) !== null;
  }

  /**
   * @param {string} value
   * @param {boolean} keep Beyond the end of this tab.
   */
  set(value, keep) {
    this.forget();
    (keep ? this.#browser : this.#tab).setItem(NAME, value);
  }

  forget() {
    this.#tab.removeItem(NAME);
    this.#browser.removeItem(NAME);
  }
}
