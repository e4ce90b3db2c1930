/** A server that is full: says for how long, counts down, and sends again where the user wants that. */
import { make } from './dom.js';
import { duration, sentence } from './words.js';

/** @import { RequestError } from './api.js' */
/** @import { Notices } from './notices.js' */

const TOPIC = 'busy';
/** Where the server names no time. */
const USUAL_SECONDS = 5;

export class BusyNotice {
  #notices;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #ticking;

  /** @param {Notices} notices */
  constructor(notices) {
    this.#notices = notices;
  }

  /**
   * @param {RequestError} error
   * @param {() => void} send Sends the same again.
   */
  show(error, send) {
    this.hide();
    const until = Date.now() + 1_000 * (error.retryAfter ?? USUAL_SECONDS);
    let isWanted = false;
    const sendNow = () => {
      this.hide();
      send();
    };
    const notice = this.#notices.show(TOPIC, sentence(error.message), [
      { text: 'Send it when the time is up', run: () => want(!isWanted), kind: 'primary' },
      { text: 'Send it now', run: sendNow },
    ]);
    const [toggle] = notice.querySelectorAll('button');
    // A number that changes each second is for the eye: read out, it would never end.
    const clock = make('p', { class: 'countdown', 'aria-live': 'off' });
    notice.insertBefore(clock, notice.lastElementChild);
    const tick = () => {
      const seconds = (until - Date.now()) / 1_000;
      const words = clockWords(seconds, isWanted);
      if (clock.textContent !== words) clock.textContent = words;
      if (!notice.isConnected) clearInterval(this.#ticking);
      else if (seconds <= 0 && isWanted) sendNow();
    };
    const want = (/** @type {boolean} */ wanted) => {
      isWanted = wanted;
      if (toggle !== undefined)
        toggle.textContent = wanted ? 'Do not send it' : 'Send it when the time is up';
      tick();
    };
    this.#ticking = setInterval(tick, 250);
    tick();
    toggle?.focus();
  }

  hide() {
    clearInterval(this.#ticking);
    this.#notices.hide(TOPIC);
  }
}

/**
 * @param {number} seconds
 * @param {boolean} isWanted
 */
function clockWords(seconds, isWanted) {
  if (seconds <= 0) return 'There may be room now.';
  const left = duration(Math.ceil(seconds));
  return isWanted ? `It is sent in ${left}.` : `There may be room in ${left}.`;
}
