/** Features of pictures by torch-fidelity itself: a Python beside us that answers when it is asked. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import type { Readable, Writable } from 'node:stream';
import { SvgT2IError } from '../errors.js';

/**
 * Draws weights for its network, writes them and some pictures into a folder, and tells so; then times its network on all
 * pictures for each line that it reads, and at the end of the lines writes the mean of the features.
 */
const PROGRAM = `
import json, sys, time
import numpy, torch
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

folder, threads, count, side = sys.argv[1], *map(int, sys.argv[2:])
torch.set_num_threads(threads)
torch.manual_seed(0)

class Drawn(FeatureExtractorInceptionV3):
    def load_state_dict(self, state, strict=True):
        return super().load_state_dict(state, strict=False)

torch.save({}, folder + '/none.pth')
network = Drawn('inception-v3-compat', ['2048'], feature_extractor_weights_path=folder + '/none.pth').eval()
with torch.no_grad():
    for name, value in network.state_dict().items():
        if value.dim() > 1:
            value.normal_().mul_((2 * value.shape[0] / value.numel()) ** 0.5)
        elif name.endswith('running_var') or name.endswith('.weight'):
            value.uniform_(0.7, 1.3)
        elif value.is_floating_point():
            value.uniform_(-0.1, 0.1)
torch.save(network.state_dict(), folder + '/weights.pth')
pictures = torch.randint(0, 256, (count, side, side, 3), dtype=torch.uint8)
pictures.numpy().tofile(folder + '/pictures.bin')
pictures = pictures.permute(0, 3, 1, 2).contiguous()
print(json.dumps({'torch': torch.__version__}), flush=True)
with torch.no_grad():
    for line in sys.stdin:
        start = time.perf_counter()
        features, = network(pictures)
        print(json.dumps({'seconds': time.perf_counter() - start}), flush=True)
features.double().mean(0).numpy().tofile(folder + '/mean.bin')
`;

export interface TorchFidelityOptions {
  /** A Python that has torch-fidelity. */
  readonly python: string;
  /** Gets weights.pth, pictures.bin (uint8, one picture after the other) and, when it has ended, mean.bin (float64). */
  readonly folder: string;
  readonly threads: number;
  readonly pictures: number;
  /** In pixels. */
  readonly side: number;
  readonly signal?: AbortSignal | undefined;
}

export class TorchFidelity {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #lines: AsyncIterator<string>;
  readonly #ended: Promise<number | null>;
  #said = '';

  private constructor(child: ChildProcessByStdio<Writable, Readable, Readable>) {
    this.#child = child;
    child.stdin.on('error', () => undefined); // it ended: the next answer says so
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#said = (this.#said + text).slice(-4096);
    });
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    this.#ended = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    this.#ended.catch(() => undefined); // told by whoever waits for an answer
  }

  /**
   * Starts it; weights and pictures are written when this returns.
   *
   * @throws SvgT2IError ERR_SVGT2I_USAGE where there is no such program, or it has no torch-fidelity that works
   */
  static async start(options: TorchFidelityOptions): Promise<TorchFidelity> {
    const { python, folder, threads, pictures, side, signal } = options;
    const script = join(folder, 'features.py');
    await writeFile(script, PROGRAM);
    const child = spawn(python, [script, folder, `${threads}`, `${pictures}`, `${side}`], {
      stdio: 'pipe',
      ...(signal === undefined ? {} : { signal }),
    });
    const started = new TorchFidelity(child);
    try {
      await started.#answer();
    } catch (error) {
      child.kill();
      signal?.throwIfAborted();
      const { message } = error instanceof Error ? error : new Error(String(error));
      throw new SvgT2IError('ERR_SVGT2I_USAGE', `--torch-fidelity ${python}: ${message}`, {
        hint: 'Name a Python that can import torch_fidelity (pip install torch torch-fidelity==0.4.0).',
        cause: error,
      });
    }
    return started;
  }

  /** Seconds that its network took for all pictures. */
  async seconds(): Promise<number> {
    this.#child.stdin.write('run\n');
    return (await this.#answer()).seconds ?? Number.NaN;
  }

  /** Lets it write the mean of its features and end. */
  async end(): Promise<void> {
    this.#child.stdin.end();
    await this.#ended;
  }

  /** Ends it, whatever it does. */
  kill(): void {
    this.#child.kill();
  }

  async #answer(): Promise<{ readonly seconds?: number }> {
    const line = await Promise.race([this.#lines.next(), this.#ended.then(() => this.#lines.next())]);
    if (line.done !== true) return JSON.parse(line.value);
    await this.#ended;
    throw new Error(this.#said.trim().split('\n').at(-1) ?? 'it ended without an answer');
  }
}
