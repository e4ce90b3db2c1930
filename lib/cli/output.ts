/**
 * Where the command line writes: results to stdout, everything else to stderr. Control characters in texts, which may
 * come from files, are written out; colours are put around them here.
 */
import pc from 'picocolors';
import { firstLine, isError, SvgT2IError } from '../errors.js';
import { printable, printableJson } from '../printable.js';

/** One line of a result, for people. */
export function printLine(text = ''): void {
  process.stdout.write(`${printable(text)}\n`);
}

/** As printLine, with one of our own marks, which may have colours, in front. */
export function printMarked(mark: string, text: string): void {
  process.stdout.write(`${mark}${printable(text)}\n`);
}

/** One JSON value on one line of stdout: a result, or one event of an NDJSON stream. */
export function printJson(value: unknown): void {
  process.stdout.write(`${printableJson(value)}\n`);
}

/** A remark on stderr. */
export function note(text: string): void {
  process.stderr.write(`${printable(text)}\n`);
}

/** A line on stderr as it stands: escape sequences of our own, or what a process of ours has printed already. */
export function noteAsItIs(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** A warning on stderr. */
export function warn(text: string): void {
  process.stderr.write(`${pc.yellow('warning:')} ${printable(text)}\n`);
}

/** An error on stderr: one line, then the fix, then (verbose) the stack and its causes. */
export function printError(
  error: unknown,
  options: { readonly verbose?: boolean; readonly prefix?: string } = {},
): void {
  process.stderr.write(`${pc.red('error:')} ${printable((options.prefix ?? '') + firstLine(error))}\n`);
  if (SvgT2IError.isInstance(error)) {
    for (const line of (error.hint ?? '').split('\n').filter((text) => text !== '')) {
      process.stderr.write(`  ${pc.dim('->')} ${printable(line)}\n`);
    }
    process.stderr.write(`  ${pc.dim(error.code)}\n`);
  }
  if (options.verbose === true && isError(error)) {
    process.stderr.write(`${printable(error.stack ?? '')}\n`);
    if (isError(error.cause))
      process.stderr.write(`caused by: ${printable(error.cause.stack ?? error.cause.message)}\n`);
  }
}

/** An error as one JSON object for `--json`. */
export function errorToJson(error: unknown): { readonly type: 'error'; readonly [key: string]: unknown } {
  if (!SvgT2IError.isInstance(error))
    return { type: 'error', code: 'ERR_SVGT2I_INTERNAL', message: firstLine(error) };
  return {
    type: 'error',
    code: error.code,
    message: error.message,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  };
}

/** Columns of text, padded; numbers should come already formatted. */
export function formatTable(header: readonly string[], cells: readonly (readonly string[])[]): string {
  const rows = cells.map((row) => row.map(printable));
  const widths = header.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  return [line(header), ...rows.map(line)].join('\n');
}
