/** What pull() takes and tells. */
import type { SignalOptions } from '../abort.js';
import type { PullPurpose } from '../config/pull.js';

/** What `pull()` and `planPull()` take. */
export interface PullOptions extends SignalOptions {
  /**
   * `svg-t2i`, `svg-t2i-r`, `dinov3-s16plus`, `gemma-2-2b`, or `ORG/NAME` of a repository of the hub; with `@REVISION` (a
   * branch, tag or commit) where it is not `main`. Default: `svg-t2i`.
   */
  readonly name?: string | undefined;
  /**
   * What the published weights are wanted for: `sampling`, `training` or `reconstruct`; only what that needs is fetched.
   * Default: `sampling`, of `svg-t2i-r` `reconstruct`.
   */
  readonly for?: PullPurpose | undefined;
  /** Patterns of files (`*` matches slashes too): of the repository these, in place of what `for` needs. */
  readonly include?: readonly string[] | undefined;
  /** Folder that gets the files themselves, in the layout that `pretrained` takes. Default: the hub's cache. */
  readonly into?: string | URL | undefined;
  /** How many pieces are fetched at a time, 1 to 64. Default: 8. */
  readonly connections?: number | undefined;
  /** How often in a row a connection that brings nothing is tried again, 0 to 100. Default: 6. */
  readonly retries?: number | undefined;
  /** Gets what happens. What it throws ends the call. */
  readonly onProgress?: ((event: PullEvent) => void) | undefined;
}

/** A file and how much of it is here. */
export interface PulledFile {
  /** `ORG/NAME`. */
  readonly repo: string;
  /** In the repository. */
  readonly path: string;
  /** All of them. */
  readonly bytes: number;
  /** Of them, those that need not be fetched. */
  readonly have: number;
  /** Where it is read from once it is there. */
  readonly file: string;
}

/** What a pull would do, and what is here of it. */
export interface PullPlan {
  /** As it was asked for. */
  readonly name: string;
  /** What `pretrained` takes: the folder itself. */
  readonly folder: string;
  /** The first one has the release, or what was named. */
  readonly repositories: readonly {
    /** `ORG/NAME`. */
    readonly repo: string;
    /** As it was asked for: a branch, a tag or a commit. */
    readonly revision: string;
    /** 40 hexadecimal digits. */
    readonly commit: string;
    /** That its files lie below. */
    readonly folder: string;
  }[];
  /** Those that are wanted, also where they are here already. */
  readonly files: readonly PulledFile[];
  /** Of all files. */
  readonly totalBytes: number;
  /** Of the total, those that are to be fetched. */
  readonly fetchBytes: number;
  /** Free on the disk that they go to. */
  readonly freeBytes: number;
  /** What is wanted and in no repository. */
  readonly warnings: readonly string[];
}

/** What is here after a pull. */
export interface PullResult extends PullPlan {
  /** Bytes that came over the network. */
  readonly fetchedBytes: number;
}

/** What happens during a pull; `svg-t2i pull --json` prints each on a line. */
export type PullEvent =
  | ({ readonly type: 'plan' } & PullPlan)
  /** Bytes of all files; `path` is one that they came for. */
  | {
      readonly type: 'progress';
      readonly doneBytes: number;
      readonly totalBytes: number;
      readonly path: string;
      /** Over the last seconds; 0 at the beginning. */
      readonly bytesPerSecond: number;
      /** Undefined where the rate is not known yet. */
      readonly secondsLeft?: number;
    }
  /** The hash of a file is computed. */
  | { readonly type: 'check'; readonly repo: string; readonly path: string; readonly bytes: number }
  /** A file is there; `fetched` false where it was before. */
  | ({ readonly type: 'file'; readonly fetched: boolean } & PulledFile)
  /** A server is asked again after a pause. */
  | { readonly type: 'retry'; readonly reason: string; readonly waitMs: number }
  /** Another process fetches the same. */
  | { readonly type: 'wait'; readonly message: string }
  | { readonly type: 'warning'; readonly message: string };
