/** The work of `svg-t2i eval check`: every fault with its place and reason, and what the scorer would make of it. */
import { EXIT_CODES } from '../errors.js';
import { type CheckRequest, evaluateCheck } from '../eval/check.js';
import type { CheckReport } from '../eval/layouts/check-report.js';
import { followEvaluation } from './eval-run.js';
import { printJson, printLine, warn } from './output.js';

export async function runCheck(request: CheckRequest, { json }: { readonly json: boolean }): Promise<void> {
  const report = await followEvaluation(json, (options) => evaluateCheck(request, options));
  process.exitCode = report.faults.length === 0 ? EXIT_CODES.ok : EXIT_CODES.failure;
  if (json) {
    printJson({ type: 'result', ...report });
    return;
  }
  for (const message of report.warnings) warn(message);
  const { pictures, prompts } = report;
  printLine(`${report.target}: ${pictures} pictures${prompts === 0 ? '' : ` of ${prompts} prompts`}`);
  printFaults(report);
}

export function printFaults({ faults }: CheckReport): void {
  for (const { path, reason, scorer } of faults) {
    printLine(`${path}: ${reason}${scorer === undefined ? '' : ` (the scorer ${scorer})`}`);
  }
  printLine(faults.length === 0 ? 'ok' : `${faults.length} fault(s)`);
}
