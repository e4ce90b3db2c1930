/** `svg-t2i eval reconstruct`: what an autoencoder loses. */
import { Command } from 'commander';
import { INCEPTION_FILES, LPIPS_FILES } from '../../../config/eval/measure.js';
import { addConfigFlags, addFlags, addOutputModeFlags, MODEL_FLAGS } from '../../flags.js';
import { type MeasureFlags, RECONSTRUCT_FLAGS } from '../../measure-flags.js';

const EXAMPLES = `
Each picture is cut to a square of --resolution, as ADM's reference sets are (--crop adm) or as for training (--crop
train), encoded and decoded, alone, and held against the same square; no picture is written unless --keep-pictures asks
for it. Of whole sets (fid is the rFID of papers) the originals, cut alike, are the reference: statistics of a training
set, such as VIRTUAL_imagenet256, are of other pictures and refused.

Networks, as they are published:
  --inception  ${INCEPTION_FILES}
  --lpips      ${LPIPS_FILES}

Examples:
  svg-t2i eval reconstruct --data imagenet/val --autoencoder svg_autoencoder_R_stage3_1024 --lpips vgg16-397923af.pth --lpips-linear vgg.pth -o report
  svg-t2i eval reconstruct --data photos --metrics psnr,ssim,ms-ssim,lpips,fid --lpips vgg16-397923af.pth --lpips-linear vgg.pth --inception pt_inception-2015-12-05-6726825d.pth
  svg-t2i eval reconstruct --data photos --count 100 --resolution 512 --crop train --json
`;

export function evalReconstructCommand(): Command {
  const command = new Command('reconstruct').description(
    'encode and decode pictures: rFID, PSNR, SSIM and LPIPS in one pass',
  );
  for (const [heading, flags] of Object.entries(RECONSTRUCT_FLAGS)) addFlags(command, heading, flags);
  addFlags(command, 'Models:', MODEL_FLAGS);
  addConfigFlags(command, 'model and reconstruct');
  addOutputModeFlags(command);
  return command.addHelpText('after', EXAMPLES).action(async (flags: MeasureFlags) => {
    const { reconstructFromCommandLine } = await import('../../eval-measure.js');
    await reconstructFromCommandLine(flags);
  });
}
