import { Command } from 'commander';
import type { TrainingStage } from '../../config/train.js';
import { addOutputModeFlags, collect, toNumber } from '../flags.js';
import type { TrainFlags } from '../train-run.js';

const EXAMPLES = `
The run folder gets config.yaml, metrics.jsonl, TensorBoard events, samples/, losses.svg, checkpoints/ and, at the end,
export/ in the release's layout. Ctrl-C, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2 and SIGXCPU save and leave, with the exit code
128 + signal; a second Ctrl-C or SIGTERM quits at once.

Examples:
  svg-t2i train dit --config configs/dit/dit_stage1_256.yaml --run runs/dit-256
  svg-t2i train dit --run runs/dit-256 --resume
  svg-t2i train dit --config configs/dit/dit_stage1_256.yaml --set optimizer.lr=1e-4 --set batch.global=64 --nproc 8
  torchrun --no-python --nproc-per-node 8 --nnodes 4 ... -- svg-t2i train dit --config FILE --run runs/dit-256 --resume auto
`;

const STAGES: Readonly<Record<TrainingStage, string>> = {
  autoencoder:
    'train a decoder (and the residual branch of R) on the features of a frozen encoder: DINOv3, DINOv2, SigLIP2 or MAE',
  dit: 'train the diffusion transformer on frozen encoders',
};

export function trainCommand(): Command {
  const command = new Command('train').description('train the autoencoder or the diffusion transformer');
  for (const stage of ['autoencoder', 'dit'] as const) command.addCommand(stageCommand(stage));
  return command;
}

function stageCommand(stage: TrainingStage): Command {
  const command = new Command(stage)
    .description(STAGES[stage])
    .optionsGroup('Configuration:')
    .option('--config <file>', 'YAML or JSON file; with --resume that of the run folder where not given')
    .option('--set <path=value>', 'set one value of the configuration; may be repeated', collect)
    .option('--print-config', 'print the configuration that would be used, and stop')
    .optionsGroup('Run:')
    .option('--run <folder>', 'folder of the run (default: runs/NAME of the configuration file)')
    .option('--resume [mode]', 'go on from the newest whole checkpoint; auto: or begin, where there is none')
    .option('--nproc <n>', 'processes on this machine, one a device', toNumber);
  addOutputModeFlags(command);
  return command.addHelpText('after', EXAMPLES).action(async (options: TrainFlags) => {
    const { trainFromCommandLine } = await import('../train-run.js');
    await trainFromCommandLine(stage, options);
  });
}
