/** `svg-t2i inspect`: what a weight file holds. */
import { Command } from 'commander';
import type { WeightFileReport } from '../../weight-files.js';
import { int8Words } from '../int8-words.js';
import { formatTable, note, printJson, printLine } from '../output.js';
import { formatBytes } from '../units.js';

interface InspectFlags {
  readonly filter?: string;
  readonly json?: boolean;
}

const EXAMPLES = `
Reads .safetensors (also sharded, by index or folder) and .pth, .pt and .ckpt as torch.save wrote them. Nothing in the
file is run. Of a folder, the file is taken that sampling takes. Weights in another library's form (diffusers, peft, timm,
quantised, distributed checkpoints) are named, with what makes them readable.

Examples:
  svg-t2i inspect pre-trained/dit-stage4-T274M
  svg-t2i inspect svg_autoencoder-P-stage3.ckpt --filter decoder.up
  svg-t2i inspect model.safetensors --json
`;

export function inspectCommand(): Command {
  return new Command('inspect')
    .description('print the keys, shapes, dtypes and sizes of a weight file, and what it is')
    .argument('<file>', 'a weight file, its index, or the folder that holds it')
    .option('--filter <text>', 'list only tensors whose name holds this text')
    .option('--json', 'print one JSON object')
    .addHelpText('after', EXAMPLES)
    .action(async (file: string, { filter = '', json = false }: InspectFlags) => {
      const { inspectWeights } = await import('../../weight-files.js');
      const report = await inspectWeights(file);
      const tensors = report.tensors.filter(({ name }) => name.includes(filter));
      if (json) return printJson({ ...report, tensors });
      printReport({ ...report, tensors });
      if (filter !== '') note(`${tensors.length} of ${report.tensors.length} tensors hold "${filter}"`);
    });
}

function printReport(report: WeightFileReport): void {
  const rows = report.tensors.map(({ name, dtype, shape, bytes }) => [
    name,
    dtype,
    `[${shape.join(', ')}]`,
    formatBytes(bytes),
  ]);
  printLine(formatTable(['name', 'dtype', 'shape', 'size'], rows));
  printLine();
  const facts: [string, string][] = [
    ['file', report.path],
    ['format', report.format],
    ['holds', report.description],
    ['tensors', String(report.tensors.length)],
    ['parameters', report.parameters.toLocaleString('en')],
    ['size', `${formatBytes(report.totalBytes)} of tensors, ${formatBytes(report.fileBytes)} on disk`],
  ];
  if (report.int8 !== undefined) facts.push(['precision', int8Words(report.int8)]);
  if (report.root.length > 0) facts.push(['below', report.root.join('.')]);
  if (report.files.length > 1) facts.push(['files', String(report.files.length)]);
  for (const [name, value] of Object.entries(report.metadata)) facts.push([`metadata ${name}`, brief(value)]);
  if (report.hint !== undefined) facts.push(['to use it', report.hint]);
  for (const [name, text] of facts) printLine(`${name}: ${text}`);
}

/** On one line, and without characters that steer a terminal. */
function brief(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > 100 ? `${text.slice(0, 97)}...` : text;
}
