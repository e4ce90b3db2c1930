/** Which jobs of this browser have not ended: what a page needs to find them again after a reload. */

import { newJob } from './job-state.js';

/** @import { SafeStorage } from './safe-storage.js' */
/** @import { PageJob } from './types.js' */

/** One entry a job, so that tabs do not overwrite each other's lists. */
const PREFIX = 'svg-t2i.job.';

/** @typedef {Pick<PageJob, 'id' | 'body' | 'createdAt' | 'kept'>} JobRecord */

export class JobRecords {
  #storage;

  /** @param {SafeStorage} storage */
  constructor(storage) {
    this.#storage = storage;
  }

  /** @returns {PageJob[]} Oldest first. */
  all() {
    return this.#storage
      .keys()
      .filter((key) => key.startsWith(PREFIX))
      .flatMap((key) => this.#read(key))
      .sort((one, other) => one.createdAt - other.createdAt);
  }

  /** @param {JobRecord} job */
  save({ id, body, createdAt, kept }) {
    this.#storage.setItem(PREFIX + id, JSON.stringify({ id, body, createdAt, kept }));
  }

  /** @param {string} id */
  remove(id) {
    this.#storage.removeItem(PREFIX + id);
  }

  /** @param {string} key */
  #read(key) {
    try {
      const { id, body, createdAt, kept } = JSON.parse(this.#storage.getItem(key) ?? '{}');
      return typeof id === 'string' ? [newJob(id, body, createdAt, kept)] : [];
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      this.#storage.removeItem(key);
      return [];
    }
  }
}
