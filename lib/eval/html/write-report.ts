/** Writes what an evaluation found: report.html for people, results.json for programs. */
import { join } from 'node:path';
import { makeFolder, replaceFile } from '../../files.js';
import { withoutInfinity } from '../json-number.js';
import type { ReportContent } from '../report-content.js';
import { linkTo } from './link.js';
import { reportPage } from './page.js';
import { makeThumbnails, NO_THUMBNAILS } from './thumbnails.js';

/** A page that browsers open at once, and mail takes. */
const MAX_PAGE_BYTES = 40e6;
/** What is said of pictures that have found no room. */
const WARNING_BYTES = 1000;

/** Where a report lies. */
export interface WrittenReport {
  /** report.html, for people. */
  readonly html: string;
  /** results.json, for programs. */
  readonly json: string;
}

/** What writeReport() writes, or has written. */
export function reportFiles(folder: string): WrittenReport {
  return { html: join(folder, 'report.html'), json: join(folder, 'results.json') };
}

/**
 * Writes `report.html` and `results.json` into a folder, which is made where it is not there; each is whole or not
 * there. The page is one file of 40 MB at most, whose links to pictures count from the folder. In `results.json`
 * what is infinite is the text "inf", what is no number null.
 *
 * @throws SvgT2IError ERR_SVGT2I_IO or ERR_SVGT2I_DISK_FULL
 *
 * @example
 * const { html } = await writeReport('out', content, { fid: 12.3 });
 */
export async function writeReport(
  folder: string,
  content: ReportContent,
  results: unknown,
): Promise<WrittenReport> {
  const { html, json } = reportFiles(folder);
  await makeFolder(folder);
  await replaceFile(json, [`${JSON.stringify(results ?? null, withoutInfinity, 2)}\n`]);
  const link = (path: string) => linkTo(folder, path);
  const textBytes = Buffer.byteLength(reportPage(content, NO_THUMBNAILS, link));
  const thumbnails = await makeThumbnails(content.sheets, MAX_PAGE_BYTES - WARNING_BYTES - textBytes);
  await replaceFile(html, [reportPage(content, thumbnails, link)]);
  return { html, json };
}
