/** Finds a tokenizer's added tokens in a text: the longest at every place, in time that grows with the text. */

interface Node {
  readonly next: Map<string, Node>;
  isEnd: boolean;
}

export class AddedTokens {
  readonly #root: Node = { next: new Map(), isEnd: false };

  constructor(contents: readonly string[]) {
    for (const content of contents) {
      let node = this.#root;
      for (const unit of content.split('')) {
        let next = node.next.get(unit);
        if (next === undefined) {
          next = { next: new Map(), isEnd: false };
          node.next.set(unit, next);
        }
        node = next;
      }
      if (content !== '') node.isEnd = true;
    }
  }

  /** The text in pieces: what is between added tokens at the even places, the tokens at the odd ones. */
  split(text: string): string[] {
    const pieces: string[] = [];
    let begin = 0;
    for (let at = 0; at < text.length; ) {
      const length = this.#longestAt(text, at);
      if (length === 0) {
        at++;
        continue;
      }
      pieces.push(text.slice(begin, at), text.slice(at, at + length));
      at += length;
      begin = at;
    }
    pieces.push(text.slice(begin));
    return pieces;
  }

  #longestAt(text: string, begin: number): number {
    let longest = 0;
    let node: Node | undefined = this.#root;
    for (let at = begin; at < text.length; at++) {
      node = node.next.get(text.charAt(at));
      if (node === undefined) break;
      if (node.isEnd) longest = at + 1 - begin;
    }
    return longest;
  }
}
