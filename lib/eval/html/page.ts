/** A report as one page of HTML that needs nothing else: no network, no other file. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { PACKAGE_VERSION } from '../../version.js';
import type { Failure, Figure, ReportContent } from '../report-content.js';
import { curveHtml } from './curve.js';
import { escapeHtml } from './escape.js';
import { histogramHtml } from './histogram.js';
import { settingRows } from './settings.js';
import { sheetHtml } from './sheet.js';
import { markupTable, shortened, tableHtml } from './table.js';
import type { Thumbnails } from './thumbnails.js';

/** More than anybody reads. */
const MAX_FAILURES = 1000;
/** What prints stands last. */
const STYLES = ['charts.css', 'pictures.css', 'report.css'];
/** Letters of a failure's reasons together. */
const MAX_REASONS = 2000;

interface Section {
  readonly id: string;
  readonly title: string;
  readonly html: string;
}

/** The whole page; `link` gives the address of a path as seen from where it will lie. */
export function reportPage(
  content: ReportContent,
  thumbnails: Thumbnails,
  link: (path: string) => string,
): string {
  const { title, time, headline } = content;
  const style = STYLES.map(asset).join('\n');
  const script = asset('report.js');
  const sections = sectionsOf(content, thumbnails, link);
  const contents = sections.map(({ id, title }) => `<li><a href="#${id}">${escapeHtml(title)}</a></li>`);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src ${hashOf(style)}; script-src ${hashOf(script)}; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
</head>
<body>
<a class="skip-link" href="#results">To the results</a>
<header class="top">
<h1>${escapeHtml(title)}</h1>
<p><time datetime="${escapeHtml(time)}">${escapeHtml(timeText(time))}</time></p>
<nav class="contents" aria-label="Sections"><ul>${contents.join('')}</ul></nav>
</header>
<main id="results" tabindex="-1">
${headline.length === 0 ? '' : headlineHtml(headline)}
${sections.map(sectionHtml).join('\n')}
</main>
<footer>svg-t2i ${escapeHtml(PACKAGE_VERSION)}</footer>
<script>${script}</script>
</body>
</html>
`;
}

function sectionsOf(
  { warnings, tables, histograms, curves = [], sheets, failures, settings, command }: ReportContent,
  thumbnails: Thumbnails,
  link: (path: string) => string,
): readonly Section[] {
  const told = [...warnings, ...thumbnailWarnings(thumbnails)];
  const section = (id: string, title: string, count: number, html: () => string): readonly Section[] =>
    count === 0 ? [] : [{ id, title, html: html() }];
  return [
    ...section('warnings', 'Warnings', told.length, () => {
      return `<ul>${told.map((text) => `<li>${escapeHtml(text)}</li>`).join('')}</ul>`;
    }),
    ...section('tables', 'Tables', tables.length, () =>
      tables.map((table, i) => tableHtml(table, `table-${i}`)).join('\n'),
    ),
    ...section('curves', 'Curves', curves.length, () => {
      const html = curves.map((curve, i) => curveHtml(curve, `curve-${i}`));
      return `<div class="charts">${html.join('\n')}</div>`;
    }),
    ...section('histograms', 'Histograms', histograms.length, () => {
      return `<div class="charts">${histograms.map(histogramHtml).join('\n')}</div>`;
    }),
    ...section('pictures', 'Pictures', sheets.length, () =>
      sheets.map((sheet) => sheetHtml(sheet, thumbnails, link)).join('\n'),
    ),
    ...section('failures', 'Failures', failures.length, () => failuresHtml(failures, link)),
    ...section('settings', 'Settings', Object.keys(settings).length, () =>
      tableHtml(
        { title: 'What decided the numbers', columns: ['setting', 'value'], rows: settingRows(settings) },
        'settings-table',
      ),
    ),
    ...section('command', 'Command', command.length, () => `<pre><code>${escapeHtml(command)}</code></pre>`),
  ];
}

function headlineHtml(headline: readonly Figure[]): string {
  const cards = headline.map(({ name, value, note }) => {
    const below = note === undefined ? '' : `<dd class="note">${escapeHtml(note)}</dd>`;
    return `<div><dt>${escapeHtml(name)}</dt><dd class="value">${escapeHtml(value)}</dd>${below}</div>`;
  });
  return `<dl class="headline">${cards.join('\n')}</dl>`;
}

function sectionHtml({ id, title, html }: Section): string {
  const kind = id === 'warnings' ? ' class="warnings"' : '';
  return `<section id="${id}"${kind} aria-labelledby="${id}-title">\n<h2 id="${id}-title">${escapeHtml(title)}</h2>\n${html}\n</section>`;
}

function failuresHtml(failures: readonly Failure[], link: (path: string) => string): string {
  const hasPrompts = failures.some(({ prompt }) => prompt !== undefined);
  const hasPaths = failures.some(({ path }) => path !== undefined);
  const rows = failures
    .slice(0, MAX_FAILURES)
    .map(({ prompt = '', path, reasons }) => [
      prompt,
      ...(hasPaths ? [path === undefined ? '' : { html: pathHtml(path, link) }] : []),
      shortened(reasons.join('\n'), MAX_REASONS),
    ]);
  const columns = [...(hasPrompts ? ['prompt'] : []), ...(hasPaths ? ['picture'] : []), 'what is wrong'];
  const title = failures.length === 1 ? '1 failure' : `${failures.length} failures`;
  return markupTable({ title, columns, rows }, 'failures-table', failures.length);
}

/** The last parts of a path tell pictures apart; the whole would be wider than a screen. */
function pathHtml(path: string, link: (path: string) => string): string {
  const name = path.split('/').slice(-3).join('/');
  return `<a href="${escapeHtml(link(path))}">${escapeHtml(shortened(name, 100))}</a>`;
}

function thumbnailWarnings({ left }: Thumbnails): readonly string[] {
  if (left === 0) return [];
  return [
    `${left} pictures are without thumbnails, so that this file stays below 40 MB; their links open them.`,
  ];
}

function timeText(time: string): string {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? time : `${date.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

function hashOf(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}

/** Of ours, so it ends no element early; line ends around it count for the hash as they stand. */
function asset(name: string): string {
  return readFileSync(new URL(`./page/${name}`, import.meta.url), 'utf8');
}
