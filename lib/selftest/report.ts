/** The report of a selftest as people read it. */
import type { CaseReport, SelftestReport } from './run.js';

export const CASE_COLUMNS = ['case', 'module', 'status', 'largest error', 'tolerance'] as const;

/** One row of the table. */
export function caseRow(report: CaseReport): readonly string[] {
  return [
    report.name,
    report.module === '' ? '-' : report.module,
    report.status,
    report.status === 'not-run' ? '-' : formatError(report.maxError),
    formatTolerance(report.tolerance),
  ];
}

/** What went wrong, a line a case. */
export function caseMessages(report: SelftestReport): readonly string[] {
  return report.cases
    .filter(({ message }) => message !== '')
    .map(({ name, message }) => `${name}: ${message}`);
}

export function summary({ passed, failed, notRun }: SelftestReport): string {
  return `${passed} passed, ${failed} failed, ${notRun} not run`;
}

function formatError(value: number): string {
  if (value === 0) return '0';
  return value >= 1000 || value < 0.001 ? value.toExponential(2) : value.toPrecision(3);
}

/** {"atol": 0.001, "rtol": 0.01} as "atol 0.001, rtol 0.01"; nested ones in brackets. */
function formatTolerance(tolerance: unknown): string {
  if (tolerance === null || tolerance === undefined) return 'exact';
  if (typeof tolerance === 'number') return formatBound(tolerance);
  if (typeof tolerance !== 'object') return String(tolerance);
  return Object.entries(tolerance)
    .map(([name, bound]) =>
      typeof bound === 'object' ? `${name} (${formatTolerance(bound)})` : `${name} ${formatTolerance(bound)}`,
    )
    .join(', ');
}

/** 0.00002 as 2e-5. */
function formatBound(value: number): string {
  return value !== 0 && value < 0.001 ? value.toExponential() : String(value);
}
