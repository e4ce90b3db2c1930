/** Text of strangers made safe inside a page: markup, quotes, and characters that turn the writing direction. */
import { printable } from '../../printable.js';

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** As an element's text or a quoted attribute's value; what would hide or turn text around is written out. */
export function escapeHtml(text: string): string {
  return printable(text).replace(/[&<>"']/g, (character) => entities[character] ?? '');
}
