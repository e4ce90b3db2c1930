/** Pictures as bytes: out of an event's base64, and as addresses that an <img> takes. */

/**
 * @param {{ readonly b64_json: string, readonly output_format: string }} event
 * @returns {Blob}
 */
export function pictureBlob({ b64_json, output_format }) {
  const text = atob(b64_json);
  // Megabytes: Uint8Array.from with a function for each letter takes several times as long.
  const bytes = new Uint8Array(text.length);
  for (let index = 0; index < bytes.length; index += 1) bytes[index] = text.charCodeAt(index);
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
