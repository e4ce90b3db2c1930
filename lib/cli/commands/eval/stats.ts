/** `svg-t2i eval stats`: mean and covariance of a set's features, in a file. */
import { Command } from 'commander';
import { INCEPTION_FILES } from '../../../config/eval/measure.js';
import { addConfigFlags, addFlags, addOutputModeFlags } from '../../flags.js';
import { type MeasureFlags, STATS_FLAGS } from '../../measure-flags.js';

const EXAMPLES = `
Writes a reference once, for eval images and for others: mu and sigma as pytorch-fid and clean-fid read them, mu_s and
sigma_s as ADM's evaluator wants them too, all in fp64. Two more members, count and provenance, say of how many pictures
and of which they are; those programs pass over them.

--inception is ${INCEPTION_FILES}.

Examples:
  svg-t2i eval stats imagenet/val --resolution 256 --inception pt_inception-2015-12-05-6726825d.pth -o val256.npz
  svg-t2i eval images out val256.npz --inception pt_inception-2015-12-05-6726825d.pth
`;

export function evalStatsCommand(): Command {
  const command = new Command('stats')
    .description('save mean and covariance of the features of a set of pictures, as a reference')
    .argument('[pictures]', 'a folder, an .npz with pictures, or a list');
  for (const [heading, flags] of Object.entries(STATS_FLAGS)) addFlags(command, heading, flags);
  addConfigFlags(command, 'stats');
  addOutputModeFlags(command);
  return command
    .addHelpText('after', EXAMPLES)
    .action(async (set: string | undefined, flags: MeasureFlags) => {
      const { statsFromCommandLine } = await import('../../eval-measure.js');
      await statsFromCommandLine(set, flags);
    });
}
