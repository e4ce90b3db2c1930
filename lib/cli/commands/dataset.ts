/** `svg-t2i dataset shapes`: drawn scenes with captions, to train on or to try a model with. */
import { Command, Option } from 'commander';
import { CATEGORIES, PALETTES, type Palette, SPLITS, type Split } from '../../shapes/vocabulary.js';
import { parseCategories, parseInteger } from '../arguments.js';
import { note, printJson, printLine } from '../output.js';
import { createProgressBar } from '../progress.js';
import { listenForInterrupt } from '../signals.js';

interface ShapesFlags {
  readonly out: string;
  readonly count: string;
  readonly seed: string;
  readonly size: string;
  readonly split: Split;
  readonly categories: string;
  readonly palette: Palette;
  readonly json?: boolean;
}

const EXAMPLES = `
Draws scenes of six shapes in eight colours and captions them, in GenEval's six categories. Picture i depends on the
seed and i alone. Combinations of the held-out split never occur in the training split, whatever the seeds.

The folder gets pictures in sub-folders and shapes.jsonl, a line a picture: {"path", "prompt", "split", "asked",
"drawn"}. A run that was interrupted goes on where it was when it is given again; a larger --count adds to it.

Examples:
  svg-t2i dataset shapes --out data/shapes --count 100000 --seed 1
  svg-t2i dataset shapes --out data/free --count 60000 --seed 3 --palette free
  svg-t2i dataset shapes --out data/held-out --count 300 --seed 2 --split held-out --size 64
`;

export function datasetCommand(): Command {
  const shapes = new Command('shapes')
    .description('draw captioned scenes of coloured shapes')
    .requiredOption('-o, --out <folder>', 'where they go')
    .requiredOption('--count <n>', 'number of pictures')
    .option('--seed <n>', 'another seed draws other scenes', '0')
    .option('--size <px>', 'side of the pictures, 64 to 512', '128')
    .addOption(new Option('--split <split>', 'which combinations').choices(SPLITS).default('train'))
    .option('--categories <list>', 'some of the categories, with commas between', CATEGORIES.join())
    .addOption(
      new Option('--palette <palette>', 'free: any background, any colour that the caption leaves open')
        .choices(PALETTES)
        .default('named'),
    )
    .option('--json', 'print one JSON object')
    .addHelpText('after', EXAMPLES)
    .action(writeShapes);
  return new Command('dataset').description('make data sets').addCommand(shapes);
}

async function writeShapes(flags: ShapesFlags): Promise<void> {
  const count = parseInteger('--count', flags.count, { least: 1, most: 100_000_000 });
  const seed = parseInteger('--seed', flags.seed, { least: 0, most: Number.MAX_SAFE_INTEGER });
  const sizePx = parseInteger('--size', flags.size, { least: 64, most: 512 });
  const categories = parseCategories(flags.categories);
  const { writeShapesDataset } = await import('../../shapes/dataset.js');
  using interrupt = listenForInterrupt();
  const { signal } = interrupt;
  const bar = createProgressBar(flags.json === true ? 0 : count);
  const started = performance.now();
  try {
    const { split, palette, out: folder } = flags;
    const onProgress = (done: number) => bar.update(done, `${done}/${count} pictures`);
    const result = await writeShapesDataset({
      folder,
      count,
      seed,
      sizePx,
      split,
      categories,
      palette,
      signal,
      onProgress,
    });
    bar.stop();
    const seconds = (performance.now() - started) / 1000;
    if (flags.json === true) {
      printJson({ ...result, folder, seconds });
      return;
    }
    const kept = result.images - result.written;
    note(
      `${result.written} pictures drawn${kept === 0 ? '' : `, ${kept} were there`}, ${seconds.toFixed(1)} s`,
    );
    printLine(result.list);
  } finally {
    bar.stop();
  }
}
