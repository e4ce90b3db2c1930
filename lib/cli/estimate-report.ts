/** An estimate as `svg-t2i estimate` prints it. */
import type { Estimate } from '../estimate/types.js';
import { count, duration, gigabytes, quantity } from '../estimate/words.js';
import { formatTable, printLine } from './output.js';

const NAMES: Readonly<Record<string, string>> = {
  dit: 'transformer',
  weakDit: 'weaker transformer',
  autoencoder: 'autoencoder',
  textEncoder: 'text encoder',
};

export function printEstimate(estimate: Estimate): void {
  for (const part of [header, memory, time, fitting]) {
    const text = part(estimate);
    if (text !== '') printLine(`${text}\n`);
  }
}

function header({ parts, device, dtype, width, height, pictures, batchSize, solver, evaluations }: Estimate) {
  const models = Object.entries(parts).map(([name, { description, parameters }]) => [
    NAMES[name] ?? name,
    `${description}, ${quantity(parameters)} parameters`,
  ]);
  const steps =
    evaluations === undefined
      ? `${solver}, which chooses its steps`
      : `${evaluations.guided + evaluations.single} velocities by ${solver}, ${evaluations.guided} of them guided`;
  const batch = batchSize > 1 ? `, ${batchSize} at a time` : '';
  return formatPairs([
    ...models,
    ['on', `${device}, ${dtype}`],
    ['drawn', `${pictures} picture(s) of ${width}x${height}${batch}, ${steps}`],
  ]);
}

function memory({
  memory: { weights, activations, peakAt, runtime, offloaded, total },
  free,
  fits,
  device,
}: Estimate) {
  const isGpu = device.startsWith('cuda');
  const moment = {
    prompts: 'while prompts are read',
    step: 'in a step',
    decode: 'while a picture is decoded',
  }[peakAt];
  const verdict =
    free === undefined
      ? 'counted: that device is not here'
      : `${gigabytes(free)} free: ${fits ? 'fits' : 'does not fit'}`;
  return formatPairs([
    ['memory', ''],
    ...Object.entries(weights).map(([name, bytes]) => [`  ${NAMES[name] ?? name}`, gigabytes(bytes)]),
    ['  activations', `${gigabytes(activations)}, most ${moment}`],
    ['  libtorch', `${gigabytes(runtime)}, ${isGpu ? 'counted' : 'with Node.js, measured'}`],
    ...(offloaded === 0 ? [] : [['  on the CPU', `${gigabytes(offloaded)} of these`]]),
    ['  in all', `${gigabytes(total)}; ${verdict}`],
  ]);
}

function time({ time: measured, machine, flops, device }: Estimate): string {
  const work = (part: number) => count(part, 'FLOP');
  if (measured === undefined || machine === undefined) {
    return formatPairs([
      ['time', device.startsWith('cuda') ? 'counted alone: that device is not here' : 'counted alone'],
      ...(flops.prompts === 0 ? [] : [['  prompts', work(flops.prompts)]]),
      ['  step', work(flops.step)],
      ['  decoding', work(flops.decode)],
    ]);
  }
  const { prompts, step, decode, picture, run } = measured;
  const rates = `${count(machine.flopRate, 'FLOP/s')}, ${count(machine.byteRate, 'B/s')}`;
  return formatPairs([
    ['time', `by what was tried here in ${duration(machine.tried)}: ${rates}`],
    ...(flops.prompts === 0 ? [] : [['  prompts', `${duration(prompts)}, ${work(flops.prompts)}`]]),
    ['  step', `${duration(step)}, ${work(flops.step)}`],
    ['  decoding', `${duration(decode)}, ${work(flops.decode)}`],
    ...(picture === undefined ? [] : [['  picture', duration(picture)]]),
    ...(run === undefined ? [] : [['  in all', `${duration(run)}, without loading`]]),
  ]);
}

function fitting({ alternatives, free, width, height }: Estimate): string {
  const size = (one: { readonly width: number; readonly height: number } | undefined) =>
    one === undefined ? 'none' : `${one.width}x${one.height}`;
  const rows = alternatives.map(({ dtype, total, largest, batch, step }) => [
    dtype,
    gigabytes(total),
    ...(free === undefined ? [] : [size(largest), String(batch ?? 0)]),
    step === undefined ? '' : duration(step),
  ]);
  const fits = free === undefined ? [] : ['largest size', `at a time of ${width}x${height}`];
  return formatTable(['dtype', 'memory', ...fits, 'step'], rows);
}

function formatPairs(pairs: readonly (readonly string[])[]): string {
  const width = Math.max(...pairs.map(([name = '']) => name.length));
  return pairs.map(([name = '', text = '']) => `${name.padEnd(width)}  ${text}`.trimEnd()).join('\n');
}
