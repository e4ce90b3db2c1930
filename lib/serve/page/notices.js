/** What the page has to say beside the pictures: notices that can be seen, and words for screen readers alone. */
import { byId, make, makeButton } from './dom.js';

/** @typedef {{ readonly text: string, readonly run: () => void, readonly kind?: string }} NoticeAction */

/** News that come faster than this are not read out. */
const QUIET_MS = 4_000;

export class Notices {
  #place = byId('notices', HTMLDivElement);
  /** @type {Map<string, HTMLElement>} */
  #shown = new Map();
  #onFocusLost;

  /** @param {() => void} onFocusLost The notice that had the focus is gone. */
  constructor(onFocusLost) {
    this.#onFocusLost = onFocusLost;
  }

  /**
   * Shows a notice in place of the one of the same topic.
   *
   * @param {string} topic
   * @param {string} message
   * @param {readonly NoticeAction[]} [actions]
   * @returns {HTMLElement}
   */
  show(topic, message, actions = []) {
    this.hide(topic);
    const close = makeButton('Dismiss', () => this.hide(topic));
    const buttons = [...actions.map(({ text, run, kind }) => makeButton(text, run, kind)), close];
    const notice = make(
      'div',
      { class: 'notice', role: 'alert', 'data-topic': topic },
      make('p', {}, message),
      make('div', { class: 'button-row' }, ...buttons),
    );
    this.#shown.set(topic, notice);
    this.#place.append(notice);
    return notice;
  }

  /** @param {string} topic */
  hide(topic) {
    const notice = this.#shown.get(topic);
    const hadFocus = notice?.contains(document.activeElement) === true;
    notice?.remove();
    this.#shown.delete(topic);
    if (hadFocus) this.#onFocusLost();
  }
}

export class Announcer {
  #place = byId('announcer', HTMLParagraphElement);
  #last = 0;

  /** @param {string} message */
  say(message) {
    this.#place.textContent = message;
    this.#last = Date.now();
  }

  /** Says what is nice to know, unless something was said a moment ago. @param {string} message */
  mention(message) {
    if (Date.now() - this.#last >= QUIET_MS) this.say(message);
  }
}
