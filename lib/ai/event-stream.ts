/** Server-sent events out of the body of an answer. Source: the HTML standard, "Server-sent events". */

export interface ServerEvent {
  /** The last that was given, up to here. */
  readonly id: string | undefined;
  readonly data: string;
}

/** Events in their order; comments, event names and what is cut at the end are left out. */
export async function* serverEvents(body: AsyncIterable<Uint8Array>): AsyncGenerator<ServerEvent, void> {
  let id: string | undefined;
  let data: string[] = [];
  for await (const line of linesOf(body)) {
    if (line === '') {
      if (data.length > 0) yield { id, data: data.join('\n') };
      data = [];
      continue;
    }
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'data') data.push(value);
    else if (field === 'id' && !value.includes('\0')) id = value;
  }
}

/** Lines that ended, by LF, CR or both. */
async function* linesOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<string, void> {
  const decoder = new TextDecoder();
  let pieces: string[] = [];
  let endedInReturn = false;
  for await (const bytes of body) {
    const text = decoder.decode(bytes, { stream: true });
    const isRest = endedInReturn && text.startsWith('\n');
    if (text !== '') endedInReturn = text.endsWith('\r');
    const [first = '', ...rest] = text.slice(isRest ? 1 : 0).split(/\r\n|\n|\r/);
    pieces.push(first);
    for (const next of rest) {
      yield pieces.join(''); // long lines come in many pieces: joined once
      pieces = [next];
    }
  }
}
