/** A contact sheet: thumbnails with what they are, where they lie and whether they are right. */
import type { ContactSheet, ReportPicture } from '../report-content.js';
import { escapeHtml } from './escape.js';
import { shortened } from './table.js';
import type { Thumbnail, Thumbnails } from './thumbnails.js';

/** Letters of a caption. */
const MAX_CAPTION = 1000;
/** Pixels a side below which every one of them is shown. */
const SMALL = 128;

/** `link` gives the address of a path. */
export function sheetHtml(
  { title, pictures }: ContactSheet,
  thumbnails: Thumbnails,
  link: (path: string) => string,
): string {
  const pairs = pictures.some(({ images }) => images.length > 1) ? ' pairs' : '';
  const cells = pictures.map((picture) => pictureHtml(picture, thumbnails.of(picture), link));
  return `<h3>${escapeHtml(title)}</h3>\n<ul class="sheet${pairs}">\n${cells.join('\n')}\n</ul>`;
}

function pictureHtml(
  { caption, path, value, good }: ReportPicture,
  thumbnails: readonly Thumbnail[],
  link: (path: string) => string,
): string {
  const verdict = good === undefined ? '' : good ? 'right' : 'wrong';
  const images = thumbnails.map(imageHtml).join('');
  const inside = [
    images === '' ? '' : `<span class="images">${images}</span>`,
    `<span class="caption" dir="auto">${escapeHtml(shortened(caption, MAX_CAPTION))}</span>`,
  ].join('');
  return [
    `<li class="picture ${verdict}">`,
    path === undefined ? `<span>${inside}</span>` : `<a href="${escapeHtml(link(path))}">${inside}</a>`,
    value === undefined ? '' : `<span class="value">${escapeHtml(value)}</span>`,
    verdict === '' ? '' : `<span class="verdict">${verdict}</span>`,
    '</li>',
  ].join('');
}

/** The caption beside it says what it shows. */
function imageHtml({ url, width, height }: Thumbnail): string {
  const small = Math.max(width, height) < SMALL ? ' class="small"' : '';
  return `<img alt="" src="${url}" width="${width}" height="${height}"${small}>`;
}
