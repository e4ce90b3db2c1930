/** `svg-t2i eval images`: the metrics of a set of pictures, against another one. */
import { Command } from 'commander';
import { INCEPTION_FILES, LPIPS_FILES } from '../../../config/eval/measure.js';
import { addConfigFlags, addFlags, addOutputModeFlags } from '../../flags.js';
import { IMAGES_FLAGS, type MeasureFlags } from '../../measure-flags.js';

const EXAMPLES = `
A and B are each a folder (with all below it), an .npz as ADM's evaluator reads it (arr_0, mu and sigma, or both), or a
list of pictures (.jsonl, .json).

Of sets:  fid, sfid, kid, pr (precision and recall), is (of A alone). Where an .npz has mu and sigma, fid is taken of
          them; statistics alone are enough for fid and sfid.
Of pairs: psnr, ssim, ms-ssim, lpips; ssim-reflect and ms-ssim-reflect are what torchmetrics gives. A picture's partner
          has the same name below B, the extension aside; of an .npz it is told by its position.

Networks, as they are published:
  --inception  ${INCEPTION_FILES}
  --lpips      ${LPIPS_FILES}

Numbers do not depend on threads, nor on how pictures are cut into batches. Pictures that cannot be read are named and
counted; they are an error at the end, unless --max-bad-share allows them. Transparent pixels are pasted on white, which
torch-fidelity and ADM do not do: --alpha drop. With --out a folder gets report.html, results.json and pairs.jsonl.

Examples:
  svg-t2i eval images out VIRTUAL_imagenet256_labeled.npz --metrics fid,sfid,is,pr --protocol adm --inception pt_inception-2015-12-05-6726825d.pth
  svg-t2i eval images out photos --metrics fid,kid --inception weights-inception-2015-12-05-6726825d.pth --resolution 256
  svg-t2i eval images reconstructed originals --metrics psnr,ssim,lpips --lpips vgg16-397923af.pth --lpips-linear vgg.pth -o report
`;

export function evalImagesCommand(): Command {
  const command = new Command('images')
    .description('FID, KID, Inception Score, precision and recall of sets; PSNR, SSIM and LPIPS of pairs')
    .argument('[A]', 'pictures that are judged')
    .argument('[B]', 'what they are held against');
  for (const [heading, flags] of Object.entries(IMAGES_FLAGS)) addFlags(command, heading, flags);
  addConfigFlags(command, 'images');
  addOutputModeFlags(command);
  return command
    .addHelpText('after', EXAMPLES)
    .action(async (set: string | undefined, reference: string | undefined, flags: MeasureFlags) => {
      const { imagesFromCommandLine } = await import('../../eval-measure.js');
      await imagesFromCommandLine(set, reference, flags);
    });
}
