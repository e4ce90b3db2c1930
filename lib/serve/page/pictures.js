/** The pictures that this browser keeps, in IndexedDB: files as the server made them, with what was asked for. */

/** @import { Picture } from './types.js' */

const DATABASE = 'svg-t2i';
const STORE = 'pictures';
const BY_TIME = 'by-time';

/** @typedef {{ readonly createdAt: number, readonly id: string }} Place */

export class Pictures {
  #database;

  /** @param {IDBDatabase} database */
  constructor(database) {
    this.#database = database;
  }

  /** @returns {Promise<Pictures>} Rejects where the browser keeps nothing, as some do in private windows. */
  static async open() {
    const opening = indexedDB.open(DATABASE, 1);
    opening.onupgradeneeded = () => {
      const store = opening.result.createObjectStore(STORE, { keyPath: 'id' });
      // The time alone would leave out pictures of one millisecond where a page of them ends.
      store.createIndex(BY_TIME, ['createdAt', 'id'], { unique: true });
    };
    const database = await result(opening);
    // Another tab has a newer page: it may change the database, this one goes on without.
    database.onversionchange = () => database.close();
    return new Pictures(database);
  }

  /**
   * Keeps a picture; one that is there already stays as it is.
   *
   * @param {Picture} picture
   * @returns {Promise<void>} Rejects with a QuotaExceededError where the browser has no room.
   */
  async add(picture) {
    const transaction = this.#database.transaction(STORE, 'readwrite');
    const store = transaction.objectStore(STORE);
    const known = store.getKey(picture.id);
    known.onsuccess = () => {
      if (known.result === undefined) store.put(picture);
    };
    await ended(transaction);
  }

  /**
   * The newest pictures, or those that are older than one.
   *
   * @param {number} count
   * @param {Place} [before]
   * @returns {Promise<Picture[]>} Newest first.
   */
  async page(count, before) {
    const index = this.#database.transaction(STORE).objectStore(STORE).index(BY_TIME);
    const range = before === undefined ? null : IDBKeyRange.upperBound([before.createdAt, before.id], true);
    /** @type {Picture[]} */
    const pictures = [];
    const walk = index.openCursor(range, 'prev');
    return await new Promise((resolve, reject) => {
      walk.onerror = () => reject(walk.error);
      walk.onsuccess = () => {
        const cursor = walk.result;
        if (cursor === null || pictures.length === count) {
          resolve(pictures);
          return;
        }
        pictures.push(cursor.value);
        cursor.continue();
      };
    });
  }

  /** @returns {Promise<number>} */
  async count() {
    return await result(this.#database.transaction(STORE).objectStore(STORE).count());
  }

  /** @param {string} id */
  async remove(id) {
    const transaction = this.#database.transaction(STORE, 'readwrite');
    transaction.objectStore(STORE).delete(id);
    await ended(transaction);
  }

  async clear() {
    const transaction = this.#database.transaction(STORE, 'readwrite');
    transaction.objectStore(STORE).clear();
    await ended(transaction);
  }
}

/** Bytes that this site takes in this browser; undefined where it does not tell. @returns {Promise<number | undefined>} */
export async function storedBytes() {
  const estimate = await navigator.storage?.estimate?.();
  return estimate?.usage;
}

/**
 * @template T
 * @param {IDBRequest<T>} request
 * @returns {Promise<T>}
 */
function result(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/**
 * What a transaction wrote is there once it has completed, not when its requests have succeeded.
 *
 * @param {IDBTransaction} transaction
 * @returns {Promise<void>}
 */
function ended(transaction) {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    // It follows on every error; at the error itself the transaction has no reason yet.
    transaction.onabort = () => reject(transaction.error);
  });
}
