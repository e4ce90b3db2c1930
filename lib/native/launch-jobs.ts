/** The job that counts what steps of the 2B have a GPU do (native/bench/count.h). */

export interface CountLaunchesJob {
  readonly request: {
    /** A guided step of sampling, loss and gradients of a picture, or the rest of a training step. */
    readonly part: 'step' | 'gradients' | 'update';
    /** Of a picture's side. */
    readonly cells: number;
    /** Of the prompt. */
    readonly tokens: number;
  };
  readonly value: {
    readonly ours: CountedSide;
    readonly plain: CountedSide;
    /** That no exact method is below; 0 of the update. */
    readonly leastFlops: number;
  };
}

export interface CountedSide {
  /** Kernels, and copies from the host. */
  readonly launches: number;
  readonly productFlops: number;
  readonly attentionFlops: number;
  /** Read and written by what is neither a product nor attention. */
  readonly passBytes: number;
  /** Copies from the host. */
  readonly uploads: number;
  /** How often the host waits for a value. */
  readonly hostReads: number;
  readonly operations: readonly CountedOperation[];
}

export interface CountedOperation {
  /** Of ATen ("aten::mm"), or one of our kernels. */
  readonly name: string;
  readonly kind: 'product' | 'attention' | 'pass' | 'upload' | 'host read';
  readonly launches: number;
  readonly flops: number;
  readonly bytes: number;
}
