/** `svg-t2i pull`: fetches weights from the hub. */
import { Command, Option } from 'commander';
import { PULL_PURPOSES, pullSchema } from '../../config/pull.js';
import { collect, toNumber } from '../flags.js';
import type { PullFlags } from '../pull-run.js';

const EXAMPLES = `
NAME is one of
  svg-t2i         what sampling needs: transformer of stage 4, Autoencoder-P of stage 3, statistics, Gemma-2-2B
  svg-t2i-r       Autoencoder-R of stage 3 and its encoder
  dinov3-s16plus  the encoder: facebook/dinov3-vits16plus-pretrain-lvd1689m
  gemma-2-2b      the text encoder: google/gemma-2-2b
or ORG/NAME of any repository of models, with @REVISION (a branch, tag or commit) where it is not main.

Files go into the cache that all of Hugging Face's tools share, and what these have fetched is not fetched again. Commands
then take the name in place of a folder: --pretrained svg-t2i, --text-encoder gemma-2-2b, inspect ORG/NAME; and without
--pretrained they take svg-t2i where it was fetched. A pull that was stopped, or killed, is gone on with by the next one.

Variables: HF_TOKEN (or hf auth login) for repositories with a licence to accept, HF_HOME and HF_HUB_CACHE for the cache,
HF_ENDPOINT for a mirror, HF_HUB_OFFLINE; HTTPS_PROXY and NO_PROXY.

Examples:
  svg-t2i pull --list
  svg-t2i pull
  svg-t2i pull svg-t2i --for training --dry-run
  svg-t2i pull KlingTeam/SVG-T2I --include '*dit-stage2*/*.pth'
  svg-t2i pull gemma-2-2b --into pre-trained/gemma-2-2b
`;

export function pullCommand(): Command {
  const { shape } = pullSchema;
  const described = (flags: string, name: keyof typeof shape) => new Option(flags, shape[name].description);
  return new Command('pull')
    .description('fetch weights from the hub, resuming and checking them')
    .argument('[name]', 'what to fetch (default: svg-t2i)')
    .addOption(described('--for <purpose>', 'for').choices(PULL_PURPOSES))
    .addOption(described('--include <pattern>', 'include').argParser(collect))
    .addOption(described('--into <folder>', 'into'))
    .addOption(described('--connections <n>', 'connections').argParser(toNumber))
    .addOption(described('--retries <n>', 'retries').argParser(toNumber))
    .option('--list', 'list the files with their sizes, and fetch nothing')
    .option('--dry-run', 'say what would be fetched, from where, and the free disk, and fetch nothing')
    .option('--json', 'print progress and result as JSON lines')
    .addHelpText('after', EXAMPLES)
    .action(async (name: string | undefined, flags: PullFlags) => {
      const { runPull } = await import('../pull-run.js');
      await runPull(name, flags);
    });
}
