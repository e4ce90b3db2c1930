/** `svg-t2i eval watch`: measures each new checkpoint of a run. */
import { Command } from 'commander';
import { addConfigFlags, addFlags, addOutputModeFlags } from '../../flags.js';
import { MEASURING_FLAGS, WATCHING_FLAGS, type WatchFlags } from '../../watch-flags.js';

const EXAMPLES = `
Measures every checkpoint that is in RUN/checkpoints, each once, then waits for the next; ends when the checkpoint of the
run's last step is measured. May be started before the run, beside it (in another shell, at another niceness) or after
it, and again at any time. Of a run that is resumed from an earlier step the numbers of later steps are dropped, as the
run drops its own.

An autoencoder rebuilds --count pictures of --data (else of its own data), prepared as in training: PSNR, SSIM, and
LPIPS and FID where their weights are named. A transformer draws the prompts of --prompts (else of the run's samples)
with one seed and the averaged weights: how much the pictures changed since the checkpoint before, and Inception Score,
KID and FID where weights and --data are given. One that trains on svg-t2i dataset shapes gets its score of shapes.

Written to the run's folder: eval.jsonl, a line a checkpoint; eval/ with report.html (curves, tables and grids),
results.json, a grid of each checkpoint and an event file, which tensorboard --logdir RUN shows as the run "eval".

Examples:
  svg-t2i eval watch runs/decoder --data held-out --lpips vgg16-397923af.pth --lpips-linear vgg.pth
  svg-t2i eval watch runs/dit-256 --prompts prompts.txt --once --json
  svg-t2i eval watch runs/shapes --count 120 --interval 5
`;

export function evalWatchCommand(): Command {
  const command = new Command('watch')
    .description('measure each new checkpoint of a training run on a small fixed set')
    .argument('[run]', 'folder of the run');
  addFlags(command, 'Measuring:', MEASURING_FLAGS);
  addFlags(command, 'Watching:', WATCHING_FLAGS);
  addConfigFlags(command, 'watch');
  addOutputModeFlags(command);
  return command.addHelpText('after', EXAMPLES).action(async (run: string | undefined, flags: WatchFlags) => {
    const { watchFromCommandLine } = await import('../../eval-watch.js');
    await watchFromCommandLine(run, flags);
  });
}
