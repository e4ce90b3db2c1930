/** Hands work to the engine in batches, one of them on its way while the next is gathered. */

/** Of one batch, whatever its number: it crosses to the engine in one piece. */
const MOST_BYTES = 256 * 2 ** 20;

export class Batches<Item> {
  readonly #send: (items: readonly Item[]) => Promise<void>;
  readonly #size: number;
  #items: Item[] = [];
  #bytes = 0;
  #onItsWay: Promise<void> | undefined;

  constructor(size: number, send: (items: readonly Item[]) => Promise<void>) {
    this.#send = send;
    this.#size = size;
  }

  /** `bytes` that the item takes. Rejects with what went wrong with a batch before. */
  async push(item: Item, bytes: number): Promise<void> {
    this.#items.push(item);
    this.#bytes += bytes;
    if (this.#items.length >= this.#size || this.#bytes >= MOST_BYTES) await this.#begin();
  }

  /** Sends the rest and waits for all. */
  async finish(): Promise<void> {
    if (this.#items.length > 0) await this.#begin();
    await this.#onItsWay;
  }

  async #begin(): Promise<void> {
    await this.#onItsWay;
    const items = this.#items;
    [this.#items, this.#bytes] = [[], 0];
    const sending = this.#send(items);
    // Looked at before the next batch; until then a rejection is nobody's.
    sending.catch(() => undefined);
    this.#onItsWay = sending;
  }
}
