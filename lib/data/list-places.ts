/** Where the entries of a list lie: those of a JSON array, or one a line. */
import type { Piece } from './list-text.js';

/** Byte offsets, begin and end of each entry in turn. */
export class Places {
  #offsets = new Float64Array(1024);
  #count = 0;

  get length(): number {
    return this.#count / 2;
  }

  /** Begin and end in bytes; undefined where there is no such entry. */
  get(index: number): readonly [begin: number, end: number] | undefined {
    if (!Number.isInteger(index) || index < 0 || index >= this.length) return undefined;
    return [this.#offsets[2 * index] as number, this.#offsets[2 * index + 1] as number];
  }

  add(begin: number, end: number): void {
    if (this.#count === this.#offsets.length) {
      const larger = new Float64Array(this.#offsets.length * 2);
      larger.set(this.#offsets);
      this.#offsets = larger;
    }
    this.#offsets[this.#count++] = begin;
    this.#offsets[this.#count++] = end;
  }
}

/** What finds the entries while the bytes go by. */
export interface PlaceFinder {
  readonly places: Places;
  take(piece: Piece): void;
  /** At the end of the file, `size` bytes; what is wrong with the list as a whole, if anything. */
  end(size: number): string | undefined;
}

const NEWLINE = 0x0a;
/** ASCII white space ends here; a line with any byte above is not blank. */
const SPACE = 0x20;

/** Every line that is not blank is an entry. */
export class LinePlaces implements PlaceFinder {
  readonly places = new Places();
  #lineStart: number;
  #isBlank = true;

  constructor(start: number) {
    this.#lineStart = start;
  }

  take({ offset, bytes }: Piece): void {
    for (let i = Math.max(0, this.#lineStart - offset); i < bytes.length; i++) {
      const byte = bytes[i] as number;
      if (byte === NEWLINE) this.#endLine(offset + i);
      else if (byte > SPACE) this.#isBlank = false;
    }
  }

  end(size: number): undefined {
    this.#endLine(size);
  }

  #endLine(end: number): void {
    if (!this.#isBlank) this.places.add(this.#lineStart, end);
    this.#lineStart = end + 1;
    this.#isBlank = true;
  }
}

const [QUOTE, BACKSLASH, COMMA] = [0x22, 0x5c, 0x2c];
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

/** The elements of a JSON array, without building it: of them only strings and brackets are followed. */
export class ArrayPlaces implements PlaceFinder {
  readonly places = new Places();
  readonly #start: number;
  #depth = 0;
  #inString = false;
  #isEscaped = false;
  #begin = -1;
  #end = -1;
  #isOver = false;
  #wrong: string | undefined;

  /** `start` is where the opening bracket stands. */
  constructor(start: number) {
    this.#start = start;
  }

  take({ offset, bytes }: Piece): void {
    for (let i = Math.max(0, this.#start - offset); i < bytes.length && this.#wrong === undefined; i++) {
      const byte = bytes[i] as number;
      if (this.#inString) this.#stringByte(byte, offset + i);
      else if (byte > SPACE) this.#byte(byte, offset + i);
    }
  }

  end(): string | undefined {
    return this.#wrong ?? (this.#isOver ? undefined : 'the list is cut off: its closing bracket is missing');
  }

  #stringByte(byte: number, at: number): void {
    if (this.#isEscaped) this.#isEscaped = false;
    else if (byte === BACKSLASH) this.#isEscaped = true;
    else if (byte === QUOTE) this.#inString = false;
    this.#end = at + 1;
  }

  #byte(byte: number, at: number): void {
    if (this.#isOver) {
      this.#wrong = 'something stands behind the list';
      return;
    }
    const isOpening = byte === OPEN_LIST || byte === OPEN_OBJECT;
    const isClosing = byte === CLOSE_LIST || byte === CLOSE_OBJECT;
    if (isOpening && this.#depth++ === 0) return;
    if (isClosing && --this.#depth === 0) {
      this.#isOver = true;
      // An empty list has no element; behind a comma there must be one.
      if (this.#begin >= 0 || this.places.length > 0) this.#element();
      return;
    }
    if (byte === COMMA && this.#depth === 1) {
      this.#element();
      return;
    }
    if (byte === QUOTE) this.#inString = true;
    if (this.#begin < 0) this.#begin = at;
    this.#end = at + 1;
  }

  #element(): void {
    if (this.#begin < 0) this.#wrong = `item ${this.places.length + 1} is empty: a comma too many`;
    else this.places.add(this.#begin, this.#end);
    this.#begin = -1;
  }
}
