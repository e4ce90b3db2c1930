/** `svg-t2i bench`: how fast the parts are on this machine. */

import { writeFile } from 'node:fs/promises';
import { Command, Option } from 'commander';
import type { CountRow } from '../../bench/count.js';
import type { BenchRow } from '../../bench.js';
import { fileError, SvgT2IError } from '../../errors.js';
import { parseInteger } from '../arguments.js';
import { formatTable, note, printJson, printLine } from '../output.js';
import { listenForInterrupt } from '../signals.js';
import { formatBytes } from '../units.js';

interface BenchFlags {
  readonly rows?: RegExp;
  readonly repeats: number;
  readonly threads?: number;
  readonly torchFidelity?: string;
  readonly device: string;
  readonly count?: true;
  readonly verbose?: true;
  readonly json?: true | string;
}

const EXAMPLES = `
Beside each row of ours stands the plain path on the same weights, alternating with it in the same process; medians. The
plain path does what the original does: prompt and unconditional caption padded to one batch, nothing shared between steps.
The DiT rows have the 2B's width and four main layers. sample-overhead compares a whole sample with what its models took.
The estimate rows hold what \`svg-t2i estimate\` says (ours) against what drawing then takes (plain).
The train rows are small runs of \`train\`, a step each: plain is fp32, encodes everything live, and updates by plain
operations one tensor after the other. The serve rows send requests of 8 clients at random moments, of mixed
sizes, steps, solvers and guidance, to the queue of \`serve\`: drawn together, and (plain) one after the other.
--device cuda times the single parts on a GPU, by its own events, and whole steps of the 2B in bf16: step is a guided one, train
gives images a second with the update (8 images at 256, 4 at 512, 1 at 1024). Beside each stand TFLOP/s, their share of what one
large product reaches there, and the launches of a step, which are counted (--count); peaks are what tensors hold.
The eval-inception row gives images a second of FID's network, plain as torch-fidelity computes it; the ratio is ours/plain there.
--torch-fidelity adds eval-inception-torch-fidelity, where plain is that library itself on the same weights and pictures.
--count times nothing: it runs the code of the 2B without numbers, and counts what a GPU would be given to do in a guided step
(step), for loss and gradients of a picture (gradients) and in the rest of a training step (update). Launches are kernels and
copies from the host; "least" is what no exact method is below, "other bytes" what all but products and attention read and write.

Examples:
  svg-t2i bench
  svg-t2i bench --count --verbose --rows step-256
  svg-t2i bench --rows '^dit-256' --repeats 5 --json bench.json
  svg-t2i bench --rows '^dit-256' --json > bench.json
  svg-t2i bench --rows '^eval-inception' --torch-fidelity venv/bin/python
`;

export function benchCommand(): Command {
  return new Command('bench')
    .description(
      'time encoder, text encoder, diffusion transformer, decoder, a whole sample, training, serving and measuring',
    )
    .option('--rows <regex>', 'only rows whose name matches', parseRegex)
    .option('--repeats <n>', 'timed runs of each', (text) => parseInteger('--repeats', text, { least: 1 }), 3)
    .option(
      '--device <device>',
      'cpu, cuda or cuda:N: a GPU has single parts and whole steps of the 2B',
      'cpu',
    )
    .option('--threads <n>', 'CPU threads', (text) => parseInteger('--threads', text, { least: 1 }))
    .option('--torch-fidelity <python>', 'a Python that has torch-fidelity, to be measured beside ours')
    .addOption(
      new Option(
        '--count',
        'count launches, FLOPs and bytes on a GPU instead; needs neither GPU nor weights',
      ).conflicts(['threads', 'torchFidelity']),
    )
    .option('--verbose', 'with --count, also what each operation has in it')
    .option(
      '--json [file]',
      'print one JSON object in place of the tables; with a file, write it there beside them',
    )
    .addHelpText('after', EXAMPLES)
    .action(runBench);
}

async function runBench(flags: BenchFlags): Promise<void> {
  const { benchMachine, runBenchmarks } = await import('../../bench.js');
  using interrupt = listenForInterrupt();
  if (flags.count === true) {
    await runCount(flags, interrupt.signal);
    return;
  }
  if (flags.verbose === true) {
    throw new SvgT2IError('ERR_SVGT2I_USAGE', '--verbose goes with --count', {
      hint: 'Add --count, or leave --verbose out.',
    });
  }
  const machine = benchMachine(flags.device);
  const { rows: pattern, repeats, threads, device, torchFidelity, json } = flags;
  if (device !== 'cpu' && torchFidelity !== undefined) {
    throw new SvgT2IError('ERR_SVGT2I_USAGE', '--torch-fidelity is measured on a CPU', {
      hint: 'Leave --device or --torch-fidelity out.',
    });
  }
  const isJsonAlone = json === true;
  const tell = isJsonAlone ? note : printLine;
  const where = machine.gpu === undefined ? '' : `${machine.gpu}, `;
  tell(`${where}${machine.processor}, ${threads ?? machine.threads} threads, libtorch ${machine.torch}`);
  const rows: BenchRow[] = [];
  const options = { rows: pattern, repeats, threads, device, torchFidelity, signal: interrupt.signal };
  for await (const row of runBenchmarks(options)) {
    note(`${row.name}: ${amount(row.ours, row)}, plain ${amount(row.plain, row)}`);
    rows.push(row);
  }
  if (isJsonAlone) {
    printJson({ machine, rows });
    return;
  }
  printLine(benchTable(rows, device));
  const phases = rows.flatMap(trainingCells);
  if (phases.length > 0) printLine(`\n${formatTable(TRAINING_HEADER, phases)}`);
  if (json !== undefined) await writeJson(json, { machine, rows });
}

async function runCount({ rows: pattern, verbose, json }: BenchFlags, signal: AbortSignal): Promise<void> {
  const { countRows } = await import('../../bench/count.js');
  const { countTable, operationTables } = await import('../bench-count.js');
  const rows: CountRow[] = [];
  for await (const row of countRows({ rows: pattern, signal })) rows.push(row);
  if (json === true) {
    printJson({ rows });
    return;
  }
  printLine(countTable(rows));
  if (verbose === true) for (const row of rows) printLine(`\n${operationTables(row)}`);
  if (json !== undefined) await writeJson(json, { rows });
}

async function writeJson(file: string, report: object): Promise<void> {
  await writeFile(file, `${JSON.stringify(report, null, 1)}\n`).catch((error: unknown) => {
    throw fileError(error, 'write to', file);
  });
}

function benchTable(rows: readonly BenchRow[], device: string): string {
  const header = ['row', 'ours', 'plain', 'plain/ours', 'peak ours', 'peak plain'];
  if (device === 'cpu') return formatTable(header, rows.map(cells));
  return formatTable(
    [...header, 'TFLOP/s', 'of products alone', 'launches', 'plain'],
    rows.map((row) => [...cells(row), ...deviceCells(row)]),
  );
}

/** What ours multiplies a second, the share of the device's own rate, and launches of both paths. */
function deviceCells(row: BenchRow): readonly string[] {
  const { ours, unit, flops, matrixFlops, launches } = row;
  const rate = flops === undefined ? undefined : unit === 's' ? flops / ours : flops * ours;
  return [
    rate === undefined ? '' : (rate / 1e12).toPrecision(3),
    rate === undefined || matrixFlops === undefined ? '' : `${((100 * rate) / matrixFlops).toFixed(0)} %`,
    launches === undefined ? '' : `${launches.ours}`,
    launches === undefined ? '' : `${launches.plain}`,
  ];
}

function cells(row: BenchRow): readonly string[] {
  const { name, ours, plain, ratio, oursPeakRss, plainPeakRss } = row;
  const size = (bytes: number | undefined) => (bytes === undefined ? '' : formatBytes(bytes));
  return [
    name,
    amount(ours, row),
    amount(plain, row),
    ratio.toFixed(2),
    size(oursPeakRss),
    size(plainPeakRss),
  ];
}

const PHASES = ['data', 'encode', 'gradients', 'update'] as const;
const TRAINING_HEADER = ['a step of', 'path', 'images/s', ...PHASES, 'waiting for data'];

/** A line of ours and one of the plain path; none where the row is not of training. */
function trainingCells({ name, training }: BenchRow): readonly (readonly string[])[] {
  if (training === undefined) return [];
  return (['ours', 'plain'] as const).map((side) => {
    const { imagesPerSecond, milliseconds, dataShare } = training[side];
    const times = PHASES.map((phase) => {
      const value = milliseconds[phase];
      return value === undefined ? '' : seconds(value / 1000);
    });
    return [name, side, imagesPerSecond.toFixed(1), ...times, `${(100 * dataShare).toFixed(1)} %`];
  });
}

/** A time, or a rate. */
function amount(value: number, { unit }: Pick<BenchRow, 'unit'>): string {
  return unit === 's' ? seconds(value) : `${value.toFixed(1)} ${unit}`;
}

const seconds = (value: number) => (value < 1 ? `${(1000 * value).toFixed(1)} ms` : `${value.toFixed(2)} s`);

function parseRegex(text: string): RegExp {
  try {
    return new RegExp(text);
  } catch {
    throw new SvgT2IError('ERR_SVGT2I_USAGE', `--rows ${text} is no regular expression`);
  }
}
