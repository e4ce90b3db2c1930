/** The fake pipeline of the server's tests, at a pace, and failing at a step. */
import type { GenerateEvent, GenerateRequest } from '../../lib/pipeline/types.js';
import { FakeDrawer } from '../unit/serve/fake-drawer.js';

export class PacedDrawer extends FakeDrawer {
  override readonly defaults = { width: 64, height: 32, steps: 8, solver: 'euler' } as const;
  /** After each step. */
  stepMs = 0;
  /** What the step of this number throws. */
  failure: { readonly step: number; readonly error: unknown } | undefined;

  override async *stream(request: GenerateRequest): AsyncGenerator<GenerateEvent, void> {
    for await (const event of super.stream(request)) {
      if (event.type === 'step') {
        if (this.failure?.step === event.step) throw this.failure.error;
        await new Promise((resolve) => setTimeout(resolve, this.stepMs));
      }
      yield event;
    }
  }
}
