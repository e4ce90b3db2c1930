/** The browser's storage, or one that lasts as long as the page where the browser gives none or it is full. */

/** @typedef {Pick<Storage, 'getItem' | 'setItem' | 'removeItem'> & { keys(): string[] }} SafeStorage */

/**
 * @param {() => Storage} open Throws where cookies and storage are blocked.
 * @returns {SafeStorage}
 */
export function safeStorage(open) {
  const memory = new Map();
  const storage = orUndefined(open);
  return {
    getItem: (name) => memory.get(name) ?? storage?.getItem(name) ?? null,
    setItem(name, value) {
      const isKept = orUndefined(() => {
        storage?.setItem(name, value);
        return storage !== undefined;
      });
      if (isKept === true) memory.delete(name);
      else memory.set(name, value);
    },
    removeItem(name) {
      memory.delete(name);
      storage?.removeItem(name);
    },
    keys: () => [...new Set([...memory.keys(), ...Object.keys(storage ?? {})])],
  };
}

/**
 * @template T
 * @param {() => T} ask
 * @returns {T | undefined} Where the browser refuses.
 */
function orUndefined(ask) {
  try {
    return ask();
  } catch (error) {
    if (error instanceof DOMException) return undefined;
    throw error;
  }
}
