/** What pictures take in memory and time, before anything of a model is loaded. */
import { type SignalOptions, untilAborted } from '../abort.js';
import type { ResolvedModelOptions } from '../config/model.js';
import type { ResolvedSettings } from '../config/request.js';
import { deviceFor, Engine, runtimeInfo } from '../engine.js';
import type { RuntimeInfo } from '../native/binding.js';
import type { CountedDtype, CountedLoad, CountedParts, Precision } from '../native/estimate-jobs.js';
import type { JobValue } from '../native/jobs.js';
import { openNative } from '../native/load.js';
import { guidanceRequest, solverRequest } from '../pipeline/sample-job.js';
import type { DitKind } from '../release/dit-kind.js';
import { memoryOf, stepStage } from './memory.js';
import { countedAs, precisionsFor } from './precisions.js';
import type { Alternative, Estimate, TimeEstimate } from './types.js';
import { batchesToCount, largestThatFits, sizesToCount } from './what-fits.js';

/** A share of the time for the dtypes that nobody asked for. */
const OTHER_SHARE = 0.5;

export interface EstimateRequest extends SignalOptions {
  readonly parts: CountedParts;
  readonly kind: DitKind;
  readonly model: Pick<ResolvedModelOptions, 'device' | 'dtype' | 'threads' | 'offload'>;
  /** Of the pictures; a side is taken from the model where `ofModel` has it and the model was trained on one size. */
  readonly settings: ResolvedSettings;
  readonly ofModel?: readonly string[] | undefined;
  readonly prompts: number;
  readonly promptTokens: number;
  /** How long the machine is tried; 0: not at all. Given what was counted, where it depends on that. */
  readonly probeSeconds: number | ((flops: number) => number);
}

/**
 * Counts what the pictures of a request take, and tries how fast this machine is at it.
 *
 * @throws SvgT2IError for files that are no models, or a device that is none; or the signal's reason
 */
export async function estimate(request: EstimateRequest): Promise<Estimate> {
  const { model, signal } = request;
  await untilAborted(openNative(), signal);
  const device = deviceFor(model.device, runtimeInfo());
  const isHere = isShown(device, runtimeInfo());
  const threads = model.threads === undefined ? {} : { threads: model.threads };
  await using engine = await Engine.create({ device: isHere ? device : 'cpu', ...threads }, { signal });
  return await new Estimator(engine, request, { device, isHere }).run();
}

function isShown(device: string, { cudaDevices }: Pick<RuntimeInfo, 'cudaDevices'>): boolean {
  return !device.startsWith('cuda') || Number(device.split(':')[1] ?? 0) < cudaDevices;
}

type Count = JobValue<'count'>;

class Estimator {
  readonly #engine: Engine;
  readonly #request: EstimateRequest;
  readonly #device: string;
  /** Whether the device is in this machine: of another one memory is counted alone. */
  readonly #isHere: boolean;

  constructor(engine: Engine, request: EstimateRequest, place: { device: string; isHere: boolean }) {
    this.#engine = engine;
    this.#request = request;
    this.#device = place.device;
    this.#isHere = place.isHere;
  }

  async run(): Promise<Estimate> {
    const { settings, prompts } = this.#request;
    const first = await this.#count([this.#load(settings)], []);
    const dtypes = precisionsFor(this.#request.model.dtype, this.#device, {
      ...runtimeInfo(),
      storedInt8: first.storedInt8,
    });
    const asked = this.#load(sized(this.#request, first), first.maxTokens);
    const [dtype = 'fp32'] = dtypes;
    const as = (of: Precision) =>
      countedAs(of, { dtype: this.#request.model.dtype, device: this.#device, usual: dtype });
    const limits = {
      multiple: first.cellPixels * first.patchSize,
      mostHeight: first.maxCells[0] * first.cellPixels,
      mostWidth: first.maxCells[1] * first.cellPixels,
    };
    const sizes = sizesToCount(asked, limits);
    const batches = batchesToCount(asked);
    const counted = await this.#count([asked, ...sizes, ...batches], dtypes.map(as));
    const { memory: report, free } = await this.#free();
    const total = (at: number, of: Precision) =>
      memoryOf(counted, at, as(of), this.#place(report.residentBytes)).total;
    const memory = memoryOf(counted, 0, as(dtype), this.#place(report.residentBytes));
    const stages = counted.loads[0]?.[as(dtype)];
    const step = stages?.[stepStage(counted)];
    const flops = {
      prompts: stages?.encode.flops ?? 0,
      step: step?.flops ?? 0,
      decode: stages?.decode.flops ?? 0,
    };
    const pictures = settings.count * prompts;
    const { evaluations } = counted;
    const all =
      (evaluations === null ? 0 : flopsOf(counted, as(dtype))) * Math.ceil(pictures / asked.pictures);
    const tried = await this.#try(asked, dtypes.map(as), all);
    const alternatives = dtypes.map((of): Alternative => {
      const step = tried.get(as(of))?.[stepStage(counted)];
      const rest = step === undefined ? {} : { step };
      if (free === undefined) return { dtype: of, total: total(0, of), ...rest };
      const candidates = (list: readonly CountedLoad[], from: number) =>
        list.map((load, i) => ({ load, total: total(from + i, of) }));
      const largest = largestThatFits(candidates(sizes, 1), free)?.load;
      const batch = largestThatFits(candidates(batches, 1 + sizes.length), free)?.load.pictures ?? 0;
      return {
        dtype: of,
        total: total(0, of),
        fits: total(0, of) <= free,
        ...(largest === undefined ? {} : { largest: { width: largest.width, height: largest.height } }),
        batch,
        ...rest,
      };
    });
    const own = tried.get(as(dtype));
    return {
      parts: Object.fromEntries(
        Object.entries(counted.parts).map(([name, { description, parameters }]) => [
          name,
          { description, parameters },
        ]),
      ),
      device: this.#device,
      dtype,
      width: asked.width,
      height: asked.height,
      pictures,
      batchSize: asked.pictures,
      solver: settings.solver,
      ...(evaluations === null ? {} : { evaluations }),
      flops,
      memory,
      ...(free === undefined ? {} : { free, fits: memory.total <= free }),
      ...(own === undefined
        ? {}
        : { time: this.#time(counted, own, pictures, asked), machine: machineOf(own) }),
      alternatives,
    };
  }

  #place(residentBytes: number) {
    const { offload } = this.#request.model;
    return { device: this.#device, offload, residentBytes };
  }

  #load(
    { width, height, batchSize, count, negativePrompt }: ResolvedSettings,
    maxTokens = Number.POSITIVE_INFINITY,
  ): CountedLoad {
    const { kind, prompts, promptTokens } = this.#request;
    const tokens = Math.min(promptTokens, maxTokens);
    const pictures = Math.min(batchSize, count * prompts);
    if (kind.condition === 'class') return { width, height, pictures, tokens: 0, unconditionalTokens: 0 };
    // Without a negative prompt the other caption is the begin token.
    return { width, height, pictures, tokens, unconditionalTokens: negativePrompt === '' ? 1 : tokens };
  }

  async #count(loads: readonly CountedLoad[], dtypes: readonly CountedDtype[]): Promise<Count> {
    const { parts, kind, settings, signal } = this.#request;
    const solver = solverRequest(settings, kind);
    const guidance = guidanceRequest(settings);
    const stepCache = settings.stepCache > 0;
    const request = { ...parts, dtypes, loads, solver, guidance, stepCache };
    return (await this.#engine.run('count', request, { signal })).value;
  }

  async #free() {
    const { value: memory } = await this.#engine.run('memory', { resetPeak: false });
    if (!this.#isHere) return { memory, free: undefined };
    // Node.js and libtorch are in the total, and are there already.
    const free = memory.deviceFreeBytes ?? memory.availableBytes + memory.residentBytes;
    return { memory, free: free === 0 ? undefined : free };
  }

  async #try(load: CountedLoad, dtypes: readonly CountedDtype[], flops: number) {
    const { probeSeconds, parts, signal } = this.#request;
    const seconds = typeof probeSeconds === 'number' ? probeSeconds : probeSeconds(flops);
    const tried = new Map<CountedDtype, JobValue<'probe'>>();
    if (seconds === 0 || !this.#isHere) return tried;
    for (const [i, dtype] of dtypes.entries()) {
      const share = i === 0 ? seconds : seconds * OTHER_SHARE;
      const request = { ...parts, dtype, load, seconds: share };
      tried.set(dtype, (await this.#engine.run('probe', request, { signal })).value);
    }
    return tried;
  }

  #time(
    counted: Count,
    tried: JobValue<'probe'>,
    pictures: number,
    { pictures: batch }: CountedLoad,
  ): TimeEstimate {
    const { encode: prompts, decode } = tried;
    const step = tried[stepStage(counted)];
    const { evaluations } = counted;
    if (evaluations === null) return { prompts, step, decode };
    const picture = (evaluations.guided * tried.guided + evaluations.single * tried.single) / batch + decode;
    return { prompts, step, decode, picture, run: this.#request.prompts * prompts + pictures * picture };
  }
}

/** Of a batch, through all its velocities and the decoder. */
function flopsOf({ evaluations, loads }: Count, dtype: CountedDtype): number {
  const stages = loads[0]?.[dtype];
  if (stages === undefined || evaluations === null) return 0;
  const { guided, single, decode } = stages;
  return evaluations.guided * guided.flops + evaluations.single * single.flops + decode.flops;
}

/** Where nobody gave a size, that which the model was trained on. */
function sized(
  { settings, ofModel = [] }: EstimateRequest,
  { usualCells, cellPixels }: Count,
): ResolvedSettings {
  if (usualCells === undefined || !ofModel.includes('width')) return settings;
  const [rows, columns] = usualCells;
  return { ...settings, width: columns * cellPixels, height: rows * cellPixels };
}

function machineOf({ flopRate, byteRate, tried }: JobValue<'probe'>) {
  return { flopRate, byteRate, tried };
}
