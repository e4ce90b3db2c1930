/** A table of a report, which the page's script makes sortable. */
import type { ReportTable } from '../report-content.js';
import { escapeHtml } from './escape.js';

/** More would make the page slow to open. */
const MAX_ROWS = 2000;
/** Letters of a cell. */
const MAX_CELL = 2000;
/** Tables of more rows get a window of their own, so that what comes after them is not far. */
const TALL_ROWS = 25;
/** From here on a cell is text to be read, which gets room. */
const LONG_CELL = 40;
const NUMBER = /^[-+]?(?:\d[\d,]*\.?\d*|\.\d+)(?:e[-+]?\d+)?(?=$|[\s%[(])/i;

const INFINITE = /^(-?)inf(?:inite|inity)?$/i;

/** A cell whose content is markup of ours. */
export interface MarkupCell {
  readonly html: string;
}

/** `id`s are unique on a page: what a screen reader calls the part that can be scrolled. */
export function tableHtml(table: ReportTable, id: string): string {
  return markupTable({ ...table, rows: table.rows.slice(0, MAX_ROWS) }, id, table.rows.length);
}

/** The same with cells that may hold links; `all` is the number of rows before any were left out. */
export function markupTable(
  {
    title,
    columns,
    rows,
  }: {
    readonly title: string;
    readonly columns: readonly string[];
    readonly rows: readonly (readonly (string | MarkupCell)[])[];
  },
  id: string,
  all: number = rows.length,
): string {
  const isNumeric = columns.map((_, column) => {
    const texts = rows.flatMap((row) => (typeof row[column] === 'string' ? [row[column]] : []));
    const given = texts.filter((text) => text !== '' && text !== '-');
    return given.length > 0 && given.every((text) => numberOf(text) !== undefined);
  });
  const head = columns.map(
    (name, column) =>
      `<th scope="col"${isNumeric[column] === true ? ' class="number"' : ''}>${escapeHtml(name)}</th>`,
  );
  const body = rows.map(
    (row) =>
      `<tr>${columns.map((_, column) => cellHtml(row[column] ?? '', isNumeric[column] === true)).join('')}</tr>`,
  );
  const left =
    all > rows.length
      ? `<p class="hint">The first ${rows.length} of ${all} rows; results.json beside this page may hold more.</p>`
      : '';
  return [
    `<div class="scroll${rows.length > TALL_ROWS ? ' tall' : ''}" tabindex="0" role="region" aria-labelledby="${id}">`,
    `<table><caption id="${id}">${escapeHtml(title)}</caption>`,
    `<thead><tr>${head.join('')}</tr></thead>`,
    `<tbody>${body.join('\n')}</tbody></table></div>`,
    left,
  ].join('\n');
}

function cellHtml(cell: string | MarkupCell, isNumeric: boolean): string {
  if (typeof cell !== 'string') return `<td>${cell.html}</td>`;
  const text = shortened(cell, MAX_CELL);
  const number = numberOf(cell);
  const value = number === undefined ? '' : ` data-value="${number}"`;
  const kind = isNumeric ? ' class="number"' : text.length >= LONG_CELL ? ' class="long"' : '';
  return `<td${kind}${value}>${escapeHtml(text)}</td>`;
}

/** What a cell is sorted by, whatever stands behind it: units, an interval. */
function numberOf(cell: string): number | undefined {
  const [, sign] = INFINITE.exec(cell) ?? [];
  if (sign !== undefined) return sign === '' ? Infinity : -Infinity;
  const number = NUMBER.exec(cell)?.[0];
  return number === undefined ? undefined : Number(number.replaceAll(',', ''));
}

/** With dots where it goes on. */
export function shortened(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 3)}...` : text;
}
