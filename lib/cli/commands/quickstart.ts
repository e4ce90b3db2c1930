import { join } from 'node:path';
import { Command } from 'commander';
import { addOutputModeFlags, type CommonOptions } from '../flags.js';
import { note } from '../output.js';

const DEFAULT_PROMPT = 'a photograph of an astronaut riding a horse';
const SEED = 7;

const EXAMPLES = `
Writes a small checkpoint with random weights in the layout of the published release, then draws from it with the
same code as \`svg-t2i sample\`. The picture is noise with colours: it shows that everything works, not what the
published weights draw.

Examples:
  svg-t2i quickstart
  svg-t2i quickstart "any prompt" -o first.png
`;

interface QuickstartOptions extends CommonOptions {
  readonly output: string;
  readonly folder: string;
}

export function quickstartCommand(): Command {
  const command = new Command('quickstart')
    .description('draw a first picture from a small random checkpoint, without downloads')
    .argument('[prompt]', 'what to draw', DEFAULT_PROMPT)
    .option('-o, --output <file>', 'the picture', join('output', 'quickstart.png'))
    .option('--folder <folder>', 'where the checkpoint goes', join('output', 'quickstart'));
  addOutputModeFlags(command);
  return command.addHelpText('after', EXAMPLES).action(runQuickstart);
}

async function runQuickstart(prompt: string, options: QuickstartOptions): Promise<void> {
  const [{ writeTinyRelease }, { loadConfig }, { sampleConfigSchema }, { drawAll }] = await Promise.all([
    import('../../pipeline/tiny-release.js'),
    import('../../config/load.js'),
    import('../../config/sample.js'),
    import('../draw.js'),
  ]);
  const json = options.json === true;
  const pretrained = join(options.folder, 'pre-trained');
  if (!json) note(`writing a small random checkpoint to ${pretrained}`);
  await writeTinyRelease(pretrained, SEED);
  const config = await loadConfig(sampleConfigSchema, {
    environment: { SVG_T2I_DEVICE: process.env.SVG_T2I_DEVICE },
    flags: {
      model: { pretrained },
      sample: { width: 256, height: 256, steps: 20, seed: SEED },
      output: { path: options.output },
    },
  });
  await drawAll(config, [prompt], { json });
}
