/** What lies in the folder of a run of the class-conditional protocol. */

/** Folder of the pictures. */
export const PICTURES = 'images';
/** Path and class of each picture. */
export const LIST = 'pictures.jsonl';
/** A class a line, in the order of the pictures. */
export const CLASSES = 'classes.txt';
/** As ADM's evaluator reads them. */
export const SAMPLES = 'samples.npz';

/** Name of a picture's file; names sort as their numbers. */
export function fileOf(index: number): string {
  return `${String(index).padStart(6, '0')}.png`;
}

/** The number of a picture's file; -1 of any other one. */
export function indexOfFile(name: string): number {
  const index = Number(/^(\d{6,})\.png$/.exec(name)?.[1] ?? -1);
  return fileOf(index) === name ? index : -1;
}
