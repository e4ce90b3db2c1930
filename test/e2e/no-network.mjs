// Loaded by --import: as on a machine without a network.
globalThis.fetch = async () => {
  throw new TypeError('fetch failed', { cause: new Error('no network here') });
};
