import { Command, Option } from 'commander';
import { STORED_DTYPES } from '../../facts.js';
import { EXPORT_FORMATS, type ExportDtype, type ExportFormat } from '../../train/export-types.js';
import { addOutputModeFlags, type CommonOptions } from '../flags.js';
import { printJson, printLine, warn } from '../output.js';
import { listenForInterrupt } from '../signals.js';

interface ExportFlags extends CommonOptions {
  readonly out: string;
  readonly device?: string;
  readonly dtype: ExportDtype;
  readonly format: ExportFormat;
  readonly onlyEma?: boolean;
}

const EXAMPLES = `
Writes the newest checkpoint under the names of the release: dit-NAME/consolidated.00-of-01.pth (and
_ema; .pt where it draws classes), or autoencoder/svg_autoencoder-P-NAME.ckpt with its yaml. PyTorch and the
original's scripts read them too.

Example:
  svg-t2i export runs/dit-256 --out pre-trained
  svg-t2i sample "a red fox" --pretrained pre-trained --dit dit-256
`;

export function exportCommand(): Command {
  const command = new Command('export')
    .description("write the trained model of a run in the release's layout")
    .argument('<run>', 'folder of the run')
    .requiredOption('--out <folder>', 'folder to write to')
    .addOption(new Option('--dtype <dtype>', 'of the files').choices(STORED_DTYPES).default('fp32'))
    .addOption(
      new Option('--format <format>', 'torch: .pth and .ckpt, as the release has them')
        .choices(EXPORT_FORMATS)
        .default('torch'),
    )
    .option('--only-ema', 'leave the raw weights of a transformer out where averages are kept')
    .option('--device <device>', "cpu, cuda or cuda:N (default: the run's)");
  addOutputModeFlags(command);
  return command.addHelpText('after', EXAMPLES).action(async (run: string, flags: ExportFlags) => {
    const { exportRun } = await import('../../train/export-run.js');
    using interrupt = listenForInterrupt();
    const { files, step } = await exportRun({
      run,
      out: flags.out,
      device: flags.device,
      dtype: flags.dtype,
      format: flags.format,
      onlyAverages: flags.onlyEma,
      signal: interrupt.signal,
      onWarning: warn,
    });
    if (flags.json === true) printJson({ type: 'export', step, files });
    else for (const file of files) printLine(file);
  });
}
