/** `svg-t2i eval pack`: a folder of pictures as the one npz that ADM's evaluator reads. */
import { Command } from 'commander';
import { packSchema } from '../../../config/eval/pack.js';
import { merge } from '../../../config/load.js';
import {
  addConfigFlags,
  addFlags,
  addOutputModeFlags,
  type CommonOptions,
  flagNames,
  flagTree,
  sectionFlags,
  toNumber,
} from '../../flags.js';

interface PackOptions extends CommonOptions {
  readonly [flag: string]: unknown;
}

const flags = sectionFlags('pack', packSchema, [
  { flags: '-o, --out <file>', key: 'out' },
  { flags: '--resolution <n>', key: 'resolution', parse: toNumber },
  { flags: '--adm-crop', key: 'admCrop' },
  { flags: '--labels <file>', key: 'labels' },
  { flags: '--alpha <how>', key: 'alpha' },
  { flags: '--auto-orient', key: 'autoOrient' },
  { flags: '--workers <n>', key: 'workers', parse: toNumber },
  { flags: '--max-pixels <n>', key: 'maxPixels', parse: toNumber },
]);

const EXAMPLES = `
arr_0 holds the pictures, uint8 (n, height, width, 3), in the sorted order of their names; nothing is packed, so that numpy and
ADM's evaluator read it in parts. It takes count x height x width x 3 bytes: 9.8 GB for 50,000 pictures of 256 x 256.
All pictures must have one size, and one that cannot be read is an error: the file promises their number.

Examples:
  svg-t2i eval pack out/images -o samples.npz
  svg-t2i eval pack imagenet/val -o val256.npz --adm-crop --resolution 256 --labels val-classes.txt
  svg-t2i eval check samples.npz --as adm-npz --resolution 256
`;

export function evalPackCommand(): Command {
  const command = new Command('pack')
    .description("pack pictures into the npz that ADM's evaluator and others read")
    .argument('[source]', 'folder of pictures, a list of them, or an npz');
  addFlags(command, 'Packing:', flags);
  addConfigFlags(command, 'pack');
  addOutputModeFlags(command);
  return command.addHelpText('after', EXAMPLES).action(runPack);
}

async function runPack(source: string | undefined, options: PackOptions): Promise<void> {
  const { packPictures } = await import('../../eval-pack.js');
  await packPictures(
    {
      file: options.config,
      flags: merge(flagTree(flags, options), source === undefined ? {} : { pack: { source } }),
      set: options.set,
      nameOf: (path) => (path === 'pack.source' ? 'source' : flagNames(flags, options)(path)),
    },
    { json: options.json === true, printConfig: options.printConfig === true },
  );
}
