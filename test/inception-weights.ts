/** Files that hold FID's Inception v3 with random weights: 24 million numbers, written in less than a second. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type RawTensor, type RawTensors, writeSafetensors } from './unit/safetensors.js';

const golden = join(import.meta.dirname, 'golden/inception/case.json');

/** Names and shapes of the published files, as the golden case has them. */
function publishedShapes(): Readonly<Record<string, readonly number[]>> {
  return JSON.parse(readFileSync(golden, 'utf8')).seeded_weights.keys;
}

/** The same for the same seed; features keep their size over the layers. */
export function inceptionTensors(seed = 1): RawTensors {
  let state = (seed * 0x9e3779b9) >>> 0 || 1;
  // In [-1, 1). Source: Marsaglia, "Xorshift RNGs", 2003.
  const uniform = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 31 - 1;
  };
  const drawn = (name: string, shape: readonly number[]): RawTensor => {
    const count = shape.reduce((product, side) => product * side, 1);
    const bound = Math.sqrt((6 * (shape[0] ?? 1)) / count);
    const data = new Float32Array(count);
    for (let i = 0; i < count; i++) {
      const value = uniform();
      if (shape.length > 1) data[i] = bound * value;
      else if (name.endsWith('running_var') || name.endsWith('.weight')) data[i] = 1 + 0.3 * value;
      else data[i] = 0.1 * value;
    }
    return { dtype: 'F32', shape, bytes: new Uint8Array(data.buffer) };
  };
  return Object.fromEntries(
    Object.entries(publishedShapes()).map(([name, shape]) => [name, drawn(name, shape)]),
  );
}

/** A safetensors file with the names of the published weights: 95 MB. */
export function writeInceptionWeights(path: string, seed = 1): void {
  writeSafetensors(path, inceptionTensors(seed));
}
