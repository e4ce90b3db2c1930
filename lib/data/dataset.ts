/** What training reads: pictures by number, with what is known about each. */

export interface DataItem {
  /** File of the picture. */
  readonly path: string;
  /** Its caption, in sets that have captions. */
  readonly prompt?: string;
  /** What stands before the caption where the set does not say: the entry is of a kind with a system prompt of its own. */
  readonly systemPrompt?: string;
  /** Number of its class, in sets that have classes. */
  readonly label?: number;
}

export interface Dataset {
  readonly length: number;
  /** Item `index`, from 0; rejects with SvgT2IError where its entry is malformed. */
  item(index: number): Promise<DataItem>;
  /** SHA-256 of what says which pictures there are: a list, or names and sizes in folders. */
  fingerprint(): Promise<string>;
  close(): Promise<void>;
}
