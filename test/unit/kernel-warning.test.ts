import { describe, expect, it, vi } from 'vitest';
import type { NativeMessageHandler } from '../../dist/native/binding.js';

/** An engine whose jobs find a wrong kernel, then end. */
class FaultyKernels {
  readonly #deliver: NativeMessageHandler;

  constructor(_options: string, deliver: NativeMessageHandler) {
    this.#deliver = deliver;
  }

  submit(jobId: number): void {
    const fault = { type: 'kernel-fault', operation: 'swiglu BFloat16 9216', cause: 'it is off by 0.5' };
    this.#deliver(jobId, 'event', JSON.stringify(fault), {});
    this.#deliver(jobId, 'event', JSON.stringify({ type: 'step', step: 1 }), {});
    this.#deliver(jobId, 'result', '{"operations":8}', {});
  }

  cancel(): void {}

  dispose(): void {
    this.#deliver(0, 'stopped', '', {});
  }
}

vi.mock('../../dist/native/load.js', () => ({
  openNative: async () => ({ Engine: FaultyKernels }),
  loadNative: () => ({ Engine: FaultyKernels }),
}));

describe('a GPU kernel that is wrong', () => {
  it('is a warning of the process, and no event of the job', async () => {
    const { Engine } = await import('../../dist/engine.js');
    using warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const events: unknown[] = [];
    await using engine = await Engine.create();
    await engine.run('memory', { resetPeak: false }, { onEvent: (event: unknown) => events.push(event) });
    expect(events).toEqual([{ type: 'step', step: 1 }]);
    expect(warn).toHaveBeenCalledOnce();
    expect(warn.mock.calls[0]?.[0]).toContain(
      '"swiglu BFloat16 9216" is not used any more: it is off by 0.5',
    );
    expect(warn.mock.calls[0]?.[1]).toMatchObject({ code: 'SVGT2I_KERNEL' });
  });

  it('is named by the doctor', async () => {
    const { Engine } = await import('../../dist/engine.js');
    const { kernelFindings, tryKernels } = await import('../../dist/doctor/kernels.js');
    const printed = process.listeners('warning');
    process.removeAllListeners('warning');
    try {
      await using engine = await Engine.create();
      const report = await tryKernels(engine);
      expect(report).toMatchObject({ operations: 8, faults: [expect.stringContaining('"swiglu BFloat16')] });
      expect(kernelFindings(report)).toMatchObject([
        { name: 'kernels', status: 'warn', detail: expect.stringContaining('it is off by 0.5') },
      ]);
      expect(process.listeners('warning')).toEqual([]);
    } finally {
      for (const listener of printed) process.on('warning', listener);
    }
    expect(kernelFindings({ operations: 8, faults: [] })).toMatchObject([{ name: 'kernels', status: 'ok' }]);
  });
});
