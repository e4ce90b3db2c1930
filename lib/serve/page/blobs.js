/** Pictures as bytes: out of an event's base64, and as addresses that an <img> takes. */

/**
 * @param {{ readonly b64_json: string, readonly output_format: string }} event
 * @returns {Blob}
 */
export function pictureBlob({ b64_json, output_format }) {
  const bytes = Uint8Array.from(atob(b64_json), (character) => character.charCodeAt(0));
  return new Blob([bytes], { type: `image/${output_format}` });
}

/** Shows a blob in a picture, and gives the address of the one before back. */
export class BlobImage {
  #image;
  /** @type {Blob | undefined} */
  #blob;
  #url = '';

  /** @param {HTMLImageElement} image */
  constructor(image) {
    this.#image = image;
  }

  get url() {
    return this.#url;
  }

  /** @param {Blob} blob */
  show(blob) {
    if (this.#blob === blob) return;
    this.release();
    this.#blob = blob;
    this.#url = URL.createObjectURL(blob);
    this.#image.src = this.#url;
  }

  release() {
    if (this.#url !== '') URL.revokeObjectURL(this.#url);
    this.#url = '';
    this.#blob = undefined;
  }
}
