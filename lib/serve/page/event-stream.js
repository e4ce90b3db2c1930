/** Server-sent events out of a response's body: EventSource sends no API key and tells no status, fetch does. */

/** @typedef {{ readonly id: string, readonly type: string, readonly data: string }} ServerEvent */

/**
 * Cuts a text that comes in pieces into events.
 * Source: https://html.spec.whatwg.org/multipage/server-sent-events.html, section "Parsing an event stream".
 */
export class EventParser {
  #line = '';
  #endedWithCr = false;
  #id = '';
  #type = '';
  /** @type {string[]} */
  #data = [];

  /**
   * @param {string} text
   * @returns {ServerEvent[]} those that this piece has ended
   */
  push(text) {
    /** @type {ServerEvent[]} */
    const events = [];
    // A line feed that belongs to the carriage return of the piece before.
    let start = this.#endedWithCr && text.startsWith('\n') ? 1 : 0;
    if (text !== '') this.#endedWithCr = text.endsWith('\r');
    const ends = /\r\n|\r|\n/g;
    ends.lastIndex = start;
    for (let end = ends.exec(text); end !== null; end = ends.exec(text)) {
      const event = this.#take(this.#line + text.slice(start, end.index));
      if (event !== undefined) events.push(event);
      this.#line = '';
      start = ends.lastIndex;
    }
    this.#line += text.slice(start);
    return events;
  }

  /** @param {string} line */
  #take(line) {
    if (line === '') return this.#dispatch();
    const colon = line.indexOf(':');
    const field = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'data') this.#data.push(value);
    else if (field === 'event') this.#type = value;
    else if (field === 'id' && !value.includes('\0')) this.#id = value;
    return undefined;
  }

  #dispatch() {
    const [type, data] = [this.#type, this.#data];
    this.#type = '';
    this.#data = [];
    if (data.length === 0) return undefined;
    return { id: this.#id, type: type === '' ? 'message' : type, data: data.join('\n') };
  }
}

/**
 * The events of a body, to its end. Ending the loop early closes the connection.
 *
 * @param {ReadableStream<Uint8Array>} body
 * @param {() => void} [onBytes] Called for every piece, comments too: the connection lives.
 * @returns {AsyncGenerator<ServerEvent, void, undefined>}
 */
export async function* readEvents(body, onBytes) {
  const parser = new EventParser();
  const decoder = new TextDecoder();
  const reader = body.getReader();
  try {
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      onBytes?.();
      yield* parser.push(decoder.decode(piece.value, { stream: true }));
    }
  } finally {
    // Of a connection that is already broken nothing is left to close, which is all that a failure here can say.
    await reader.cancel().catch(() => undefined);
  }
}
