/** How pictures are served: serveSchema in words, for editors. test/unit/public-types.test.ts holds one against the other. */
import type { Dtype, ModelOptions } from './model.js';

/** One model that is served: how it is loaded, and its name. */
export interface ServedModelOptions extends ModelOptions {
  /** What requests call it: letters, digits and `. _ : / @ -`. Default: the last part of its folder, or its name on the hub. */
  readonly name?: string | undefined;
}

/** Everything that an operator sets. A configuration file of `svg-t2i serve` has the same keys. */
export interface ServeSettings {
  /** Address or name to listen at. Default: `127.0.0.1`, which this machine alone reaches; others need a key, or `insecure`. */
  readonly host?: string | undefined;
  /** Port to listen at; 0 takes one that is free. Default: 7860. */
  readonly port?: number | undefined;
  /** Models; requests that name none mean the first. Default: the embedded one, as `shapes`. */
  readonly models?: readonly ServedModelOptions[] | undefined;
  /** Of every model that does not say otherwise: `auto`, `cpu`, `cuda` or `cuda:N`. Default: `auto`. */
  readonly device?: string | undefined;
  /** Of every model that does not say otherwise: `auto`, `fp32`, `bf16` or `int8`. Default: `auto`. */
  readonly dtype?: Dtype | undefined;
  /** CPU threads of every model that does not say otherwise. Default: all cores. */
  readonly threads?: number | undefined;
  /** Keep text encoders on the CPU, to save GPU memory. Default: false. */
  readonly offload?: boolean | undefined;
  /** Key that callers must send, 16 characters or more. Default: none is needed. */
  readonly apiKey?: string | undefined;
  /** File with keys that callers may send, one a line. */
  readonly apiKeyFile?: string | undefined;
  /** Listen beyond this machine without a key. Default: false. */
  readonly insecure?: boolean | undefined;
  /** Further names that callers may call this server by. Default: none beside this machine's own. */
  readonly allowHost?: readonly string[] | undefined;
  /** Origins whose pages may call this server from a browser, as `https://HOST`, or `*`. Default: none. */
  readonly cors?: readonly string[] | undefined;
  /** Tell callers apart by X-Forwarded-For, as a proxy in front of this server sets it. Default: false. */
  readonly trustProxy?: boolean | undefined;
  /** Image tokens that are drawn together; a 1024x1024 picture of the published models has 4096. Default: 16384. */
  readonly maxBatchTokens?: number | undefined;
  /** Pictures that are drawn together, 1 to 256. Default: 16. */
  readonly maxBatch?: number | undefined;
  /** Requests that may wait; those above it are refused with 429. Default: 100. */
  readonly maxQueue?: number | undefined;
  /** Pictures a request. Default: 10. */
  readonly maxPictures?: number | undefined;
  /** Steps a picture. Default: 200. */
  readonly maxSteps?: number | undefined;
  /** Pixels a picture. Default: 4194304, which is 2048x2048. */
  readonly maxPixels?: number | undefined;
  /** Characters of a prompt, of a negative prompt and of a system prompt. Default: 4000. */
  readonly maxPromptCharacters?: number | undefined;
  /** Bytes of a request's body. Default: 1 MiB. */
  readonly maxBodyBytes?: number | undefined;
  /** Connections at a time. Default: 512. */
  readonly maxConnections?: number | undefined;
  /** Seconds after which a caller is dropped who sends or takes nothing in the middle of a message. Default: 30. */
  readonly stallSeconds?: number | undefined;
  /** Seconds that running pictures have to finish where the server is stopped. Default: 30. */
  readonly drainSeconds?: number | undefined;
  /** Seconds that a finished job is kept. Default: 600. */
  readonly keepSeconds?: number | undefined;
  /** Bytes of pictures of finished jobs that are kept, the newest. Default: 256 MiB. */
  readonly keepBytes?: number | undefined;
  /** `pretty`, `json` or `off`: one line a request, on stderr. Default: `pretty`. */
  readonly log?: 'pretty' | 'json' | 'off' | undefined;
  /** Also log what was asked for, prompts included. Default: false. */
  readonly logPrompts?: boolean | undefined;
}
