import { Command } from 'commander';
import { DEFAULT_MAX_PIXELS, pictureSchema } from '../../config/picture.js';
import { validate } from '../../config/validate.js';
import { IMAGE_FORMATS } from '../../image/format.js';
import {
  addConfigFlags,
  addFlags,
  addOutputModeFlags,
  type CommonOptions,
  MODEL_FLAGS,
  toNumber,
} from '../flags.js';

interface ReconstructOptions extends CommonOptions {
  readonly output?: string;
  readonly maxSide: string;
  readonly maxPixels?: unknown;
  readonly autoOrient: boolean;
  readonly [flag: string]: unknown;
}

const EXAMPLES = `
Each picture is scaled down to --max-side, cut to whole cells of the latent (16 pixels with the published models),
encoded and decoded. The written PNG shows the original on the left and the reconstruction on the right.

Examples:
  svg-t2i reconstruct photo.jpg -o photo-both.png
  svg-t2i reconstruct photos/*.jpg --autoencoder svg_autoencoder_R_stage3_1024 -o out/
`;

export function reconstructCommand(): Command {
  const command = new Command('reconstruct')
    .description('encode and decode pictures, and measure what is lost')
    .argument('<images...>', `${IMAGE_FORMATS} files`)
    .option('-o, --output <path>', 'file for one picture, folder for several (default: current folder)')
    .option('--max-side <px>', 'scale larger pictures down to this', '1024')
    .option('--no-auto-orient', 'take pixels as stored, whatever the EXIF orientation says')
    .option(
      '--max-pixels <n>',
      `width times height of the largest picture that is read (default: ${DEFAULT_MAX_PIXELS})`,
      toNumber,
    );
  addFlags(command, 'Models:', MODEL_FLAGS);
  addConfigFlags(command);
  addOutputModeFlags(command);
  return command
    .addHelpText('after', EXAMPLES)
    .action(async (images: readonly string[], options: ReconstructOptions) => {
      const [{ loadModelConfig }, { reconstructAll }] = await Promise.all([
        import('../model-config.js'),
        import('../reconstruct-images.js'),
      ]);
      const { maxPixels, autoOrient } = options;
      const reading = validate(
        pictureSchema,
        { maxPixels, autoOrient },
        { code: 'ERR_SVGT2I_USAGE', nameOf: () => '--max-pixels' },
      );
      const model = await loadModelConfig(options);
      await reconstructAll(images, {
        model,
        reading,
        output: options.output,
        maxSide: options.maxSide,
        json: options.json === true,
      });
    });
}
