import { Command } from 'commander';
import { addOutputModeFlags, collect, toNumber } from '../flags.js';
import type { StatsFlags } from '../stats-run.js';

const EXAMPLES = `
Latents are normalised by these numbers before the transformer sees them, and turned back after it. The published
ones are in the repository of SVG-T2I; an encoder or an autoencoder of your own needs its own.

Example:
  svg-t2i stats --config configs/dit/dit_stage1_256.yaml --count 50000 --out pre-trained/my_stats.pt
`;

export function statsCommand(): Command {
  const command = new Command('stats')
    .description("compute mean and deviation of the encoder's features over a dataset")
    .requiredOption('--config <file>', 'configuration of train dit')
    .requiredOption('--out <file>', '.pt file to write')
    .option('--set <path=value>', 'set one value of the configuration; may be repeated', collect)
    .option('--count <n>', 'pictures at most, drawn at random (default: all)', toNumber);
  addOutputModeFlags(command);
  return command.addHelpText('after', EXAMPLES).action(async (flags: StatsFlags) => {
    const { statsFromCommandLine } = await import('../stats-run.js');
    await statsFromCommandLine(flags);
  });
}
