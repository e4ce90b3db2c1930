/** `svg-t2i eval`: a command for each thing that is measured. */
import { Command } from 'commander';
import { type Asked, addCommands, type CommandEntry } from '../../command-entry.js';
import { readOutlines } from '../../command-outline.js';

const benchmark = (name: 'geneval' | 'geneval2' | 'dpg'): CommandEntry => ({
  name,
  load: async () => (await import('./benchmark.js')).benchmarkCommand(name),
});

export const EVAL_COMMANDS: readonly CommandEntry[] = [
  { name: 'images', load: async () => (await import('./images.js')).evalImagesCommand() },
  { name: 'reconstruct', load: async () => (await import('./reconstruct.js')).evalReconstructCommand() },
  { name: 'stats', load: async () => (await import('./stats.js')).evalStatsCommand() },
  { name: 'pack', load: async () => (await import('./pack.js')).evalPackCommand() },
  benchmark('geneval'),
  benchmark('geneval2'),
  benchmark('dpg'),
  { name: 'imagenet', load: async () => (await import('./imagenet.js')).evalImagenetCommand() },
  { name: 'check', load: async () => (await import('./check.js')).evalCheckCommand() },
  { name: 'report', load: async () => (await import('./report.js')).evalReportCommand() },
  { name: 'shapes', load: async () => (await import('./shapes.js')).evalShapesCommand() },
  { name: 'watch', load: async () => (await import('./watch.js')).evalWatchCommand() },
];

export async function evalCommand(asked: Asked): Promise<Command> {
  const command = new Command('eval').description('measure a model, its pictures, or a set of pictures');
  const outline = readOutlines().find(({ name }) => name === 'eval');
  await addCommands(command, EVAL_COMMANDS, asked, outline?.commands ?? []);
  return command;
}
