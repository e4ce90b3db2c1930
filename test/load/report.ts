/** What a load test came to, as a table. */
import type { LoadReport } from './load.js';

const MIB = 1024 ** 2;

export function table(report: LoadReport): string {
  const { outcomes, lost, misread, malformedSent, jobs, memory, sockets, loopP99, seconds, left } = report;
  const ended = (end: string) => outcomes.filter((outcome) => outcome.end === end).length;
  const wrong = outcomes.flatMap((outcome) => outcome.wrong);
  const times = outcomes.filter(({ end }) => end === 'done').map((outcome) => outcome.seconds);
  const [before, after] = memory;
  const rows: readonly (readonly [string, string])[] = [
    ['requests', `${outcomes.length + lost.length} in ${seconds.toFixed(1)} s`],
    ['done', `${ended('done')}, in ${share(times, 0.5)} s (median), ${share(times, 0.99)} s (99 %)`],
    ['given up', `${ended('left')}, and ${ended('early')} that were done before`],
    ['lost', `${lost.length}`],
    ['not as asked for, or answered twice', `${wrong.length}`],
    ['malformed', `${malformedSent}, of which misread ${misread.length}`],
    ['jobs of the server', `${jobs.done} done, ${jobs.cancelled} cancelled, ${jobs.failed} failed`],
    ['memory', `${mib(before)} before, ${mib(after)} after (${growth(memory)})`],
    ['sockets', `${sockets[0]} before, ${sockets[1]} after`],
    ['event loop late, 99 %', `${(1000 * loopP99).toFixed(1)} ms`],
    ['left behind', Object.values(left).join(', ')],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join('\n');
}

/** Of the memory before, such as `+3.1 %`. */
function growth([before, after]: LoadReport['memory']): string {
  const percent = 100 * (after / before - 1);
  return `${percent < 0 ? '' : '+'}${percent.toFixed(1)} %`;
}

function share(values: readonly number[], part: number): string {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[Math.floor(part * (sorted.length - 1))] ?? 0).toFixed(2);
}

function mib(bytes: number): string {
  return `${(bytes / MIB).toFixed(0)} MiB`;
}
