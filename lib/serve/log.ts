/** What the server writes about itself: one line a request, and what happens between. */

import pc from 'picocolors';
import { type Logger, pino } from 'pino';
import type { LogKind } from '../config/serve.js';
import { printable } from '../printable.js';

export type Log = Pick<Logger, 'info' | 'warn' | 'error'>;

/** Where lines go: stderr, since stdout is for results. */
export interface LogTarget {
  write(text: string): unknown;
}

/** `json`: a line of JSON each, as pino writes it; `pretty`: the same for people. */
export function createLog(kind: LogKind, target: LogTarget = process.stderr): Log {
  const destination =
    kind === 'pretty' ? { write: (line: string) => target.write(prettyLine(line)) } : target;
  return pino(
    { level: kind === 'off' ? 'silent' : 'info', base: null, timestamp: pino.stdTimeFunctions.isoTime },
    { write: (line: string) => void destination.write(line) },
  );
}

const WARN_LEVEL = 40;
const ERROR_LEVEL = 50;

function prettyLine(json: string): string {
  const { level, time, msg, ...fields } = JSON.parse(json) as Readonly<Record<string, unknown>>;
  const clock = typeof time === 'string' ? time.slice(11, 19) : '';
  const shown = Object.entries(fields).map(([key, value]) => `${key}=${plain(value)}`);
  return `${pc.dim(clock)} ${mark(level)}${printable(String(msg ?? ''))}${shown.length === 0 ? '' : ` ${pc.dim(printable(shown.join(' ')))}`}\n`;
}

function mark(level: unknown): string {
  if (typeof level !== 'number' || level < WARN_LEVEL) return '';
  return level < ERROR_LEVEL ? `${pc.yellow('warning:')} ` : `${pc.red('error:')} `;
}

function plain(value: unknown): string {
  return typeof value === 'string' && !/[\s"=]/.test(value) ? value : JSON.stringify(value);
}
