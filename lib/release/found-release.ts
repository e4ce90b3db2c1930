/** A release that is looked for once, however many ask: where its parts lie, and what its small files say. */
import { resolve } from 'node:path';
import type { ResolvedModelOptions } from '../config/model.js';
import { settleAttentionSoftCap } from './attention-soft-cap.js';
import { type AutoencoderFiles, findAutoencoder } from './autoencoder-files.js';
import { type DitConfig, readDitConfig } from './dit-config.js';
import { findDit } from './dit-files.js';
import { type DitKind, saidDitKind } from './dit-kind.js';
import type { MissingPart } from './find.js';
import { autoencoderOfFetched, findFolder } from './folder.js';
import { type DefaultsFile, readDefaultsFile } from './model-defaults.js';
import { checkPrecision } from './precision.js';

export type NameOfOption = (option: keyof ResolvedModelOptions) => string;

export class FoundRelease<Options extends Partial<ResolvedModelOptions> = Partial<ResolvedModelOptions>> {
  readonly options: Options;
  /** How an option was given, for refusals: a flag, a key of a file; its own name where not given. */
  readonly nameOf: NameOfOption;
  readonly #known = new Map<string, unknown>();

  /** @throws SvgT2IError ERR_SVGT2I_INVALID_CONFIG for a precision that the device does not compute in */
  constructor(options: Options, nameOf: NameOfOption = (option) => option) {
    this.options = options;
    this.nameOf = nameOf;
    checkPrecision(options, nameOf);
  }

  /** Undefined where there is none. */
  get folder(): string | undefined {
    return this.#once('folder', () => findFolder(this.options));
  }

  /** Path of the transformer's weights. */
  get dit(): string | MissingPart {
    const { dit, weights = 'auto' } = this.options;
    return this.#once('dit', () => findDit(this.#base, dit, weights));
  }

  get autoencoder(): AutoencoderFiles | MissingPart {
    const { autoencoder, pretrained } = this.options;
    const base = this.#base;
    return this.#once('autoencoder', () =>
      findAutoencoder(base, autoencoder ?? autoencoderOfFetched(pretrained, base)),
    );
  }

  /** What model_args.json says of the transformer. */
  get ditConfig(): DitConfig | undefined {
    const { dit } = this;
    return this.#once('ditConfig', () => (typeof dit === 'string' ? readDitConfig(dit) : undefined));
  }

  /** Of the transformer; undefined where neither its files nor their names tell. */
  get ditKind(): DitKind | undefined {
    const { dit } = this;
    return typeof dit === 'string' ? saidDitKind(dit, this.ditConfig) : undefined;
  }

  /** Pixels a side of the autoencoder's cells; undefined where no yaml tells. */
  get cellPixels(): number | undefined {
    const { autoencoder } = this;
    return 'checkpoint' in autoencoder ? autoencoder.config?.cellPixels : undefined;
  }

  /** The folder; the current one where every part may be given by its own path; undefined where there is neither. */
  get root(): string | undefined {
    const { pretrained, dit, autoencoder } = this.options;
    const isOfParts = pretrained === undefined && (dit ?? autoencoder) !== undefined;
    return this.folder ?? (isOfParts ? resolve('.') : undefined);
  }

  /** The release's defaults.yaml; as an empty one where there is none. */
  get defaults(): DefaultsFile {
    const { root } = this;
    return this.#once('defaults', () => readDefaultsFile(root));
  }

  /**
   * Whether the text encoder's attention scores are capped, and, where the transformer is asked too, whether it was
   * trained so.
   */
  softCap({ ofDit }: { readonly ofDit: boolean }): {
    readonly attentionSoftCap: boolean;
    readonly trained: boolean | undefined;
  } {
    const trained = ofDit ? this.ditConfig?.attentionSoftCap : undefined;
    const { attentionSoftCap: asked } = this.options;
    const ofRelease = () => this.defaults.read(undefined).attentionSoftCap;
    return { attentionSoftCap: settleAttentionSoftCap({ asked, trained, ofRelease }), trained };
  }

  /** Where relative paths start. */
  get #base(): string {
    return this.folder ?? resolve('.');
  }

  #once<Value>(name: string, find: () => Value): Value {
    if (!this.#known.has(name)) this.#known.set(name, find());
    return this.#known.get(name) as Value;
  }
}
