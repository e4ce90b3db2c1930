/** Writes what an evaluation found: report.html for people, results.json for programs. */
import { join } from 'node:path';
import { makeFolder, replaceFile } from '../../files.js';
import type { ReportContent } from '../report-content.js';
import { escapeHtml } from './escape.js';

/** Where a report lies. */
export interface WrittenReport {
  readonly html: string;
  readonly json: string;
}

/**
 * Writes `report.html` and `results.json` into a folder, which is made where it is not there; both are whole or not
 * there. Pictures' links count from the folder.
 *
 * @throws SvgT2IError ERR_SVGT2I_IO or ERR_SVGT2I_DISK_FULL
 */
export async function writeReport(
  folder: string,
  content: ReportContent,
  results: unknown,
): Promise<WrittenReport> {
  const [html, json] = [join(folder, 'report.html'), join(folder, 'results.json')];
  await makeFolder(folder);
  await replaceFile(json, [`${JSON.stringify(results, undefined, 2)}\n`]);
  await replaceFile(html, [page(content)]);
  return { html, json };
}

function page({ title, headline }: ReportContent): string {
  const figures = headline.map(
    ({ name, value, note = '' }) => `<p>${[name, value, note].map(escapeHtml).join(' ')}</p>`,
  );
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>${escapeHtml(title)}</title><h1>${escapeHtml(title)}</h1>${figures.join('')}\n`;
}
