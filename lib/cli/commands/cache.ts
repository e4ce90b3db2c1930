import { Command } from 'commander';
import type { CacheFlags } from '../cache-run.js';
import { addOutputModeFlags, collect, toNumber } from '../flags.js';

const EXAMPLES = `
Training then reads the features instead of encoding every picture in every epoch: set data.cache to the folder.
A call that was interrupted is completed by the next one. A cache is refused where weights or data differ.

Example:
  svg-t2i cache --config configs/dit/dit_stage1_256.yaml --out features/256
  svg-t2i train dit --config configs/dit/dit_stage1_256.yaml --set data.cache=features/256
`;

export function cacheCommand(): Command {
  const command = new Command('cache')
    .description('encode the pictures and captions, or classes, of a DiT configuration once, for training')
    .requiredOption('--config <file>', 'configuration of train dit')
    .requiredOption('--out <folder>', 'folder of the cache')
    .option('--set <path=value>', 'set one value of the configuration; may be repeated', collect)
    .option('--dtype <dtype>', 'of the stored features: bf16 (the default), fp16 or fp32')
    .option('--shard-size <n>', 'pictures of one file at most (default: by resolution)', toNumber);
  addOutputModeFlags(command);
  return command.addHelpText('after', EXAMPLES).action(async (flags: CacheFlags) => {
    const { cacheFromCommandLine } = await import('../cache-run.js');
    await cacheFromCommandLine(flags);
  });
}
