/** Scores as Markdown, to be pasted where people write. */
import { printable } from '../../printable.js';
import type { ReportTable } from '../report-content.js';
import type { ScoresResult } from './result.js';
import { SCORER_TITLES } from './run-scores.js';
import { intervalText, scoreTables } from './tables.js';

/** A document of its own. */
export function scoresMarkdown(result: ScoresResult): string {
  const { as, runs, published, warnings } = result;
  return [
    `# ${SCORER_TITLES[as]}`,
    ...scoreTables(result).map(tableMarkdown),
    intervalText(result),
    ...(published === undefined
      ? []
      : [`${escapeMarkdown(published.title)}: ${escapeMarkdown(published.note)}.`]),
    [
      ...runs.map(({ name, path, prompts, pictures }) =>
        prompts === 0
          ? `- ${escapeMarkdown(name)}: ${escapeMarkdown(path)}, a summary`
          : `- ${escapeMarkdown(name)}: ${escapeMarkdown(path)}, ${prompts} prompts, ${pictures} pictures`,
      ),
    ].join('\n'),
    ...(warnings.length === 0
      ? []
      : [`## Warnings\n\n${warnings.map((text) => `- ${escapeMarkdown(text)}`).join('\n')}`]),
    '',
  ].join('\n\n');
}

/** GitHub's tables; numbers to the right. */
function tableMarkdown({ title, columns, rows }: ReportTable): string {
  const line = (cells: readonly string[]) => `| ${cells.map(escapeMarkdown).join(' | ')} |`;
  const marks = columns.map((_, i) => (i === 0 ? '---' : '---:'));
  return [
    `## ${escapeMarkdown(title)}`,
    '',
    line(columns),
    `| ${marks.join(' | ')} |`,
    ...rows.map(line),
  ].join('\n');
}

/** As text: no markup, no end of the cell or of the line. Numbers and their intervals stay readable. */
function escapeMarkdown(text: string): string {
  if (/^[-+\d., [\]]+$/.test(text)) return text;
  return printable(text)
    .replace(/\s+/g, ' ')
    .replace(/[\\`*_[\]<>|#&]/g, (character) =>
      character === '<' ? '&lt;' : character === '&' ? '&amp;' : `\\${character}`,
    );
}
