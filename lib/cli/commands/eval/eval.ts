/** `svg-t2i eval`: a command for each thing that is measured. */
import { Command } from 'commander';
import { benchmarkCommands } from './benchmark.js';
import { evalCheckCommand } from './check.js';
import { evalImagenetCommand } from './imagenet.js';
import { evalImagesCommand } from './images.js';
import { evalPackCommand } from './pack.js';
import { evalReconstructCommand } from './reconstruct.js';
import { evalReportCommand } from './report.js';
import { evalShapesCommand } from './shapes.js';
import { evalStatsCommand } from './stats.js';
import { evalWatchCommand } from './watch.js';

const commands: readonly (() => Command)[] = [
  evalImagesCommand,
  evalReconstructCommand,
  evalStatsCommand,
  evalPackCommand,
  ...benchmarkCommands,
  evalImagenetCommand,
  evalCheckCommand,
  evalReportCommand,
  evalShapesCommand,
  evalWatchCommand,
];

export function evalCommand(): Command {
  const command = new Command('eval').description('measure a model, its pictures, or a set of pictures');
  for (const create of commands) command.addCommand(create());
  return command;
}
