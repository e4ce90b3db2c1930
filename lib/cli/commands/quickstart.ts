import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { addOutputModeFlags, type CommonOptions } from '../flags.js';
import { noteAsItIs } from '../output.js';

const DEFAULT_PROMPT = 'two red circles left of a blue square';
/** Of a terminal's lines. */
const INLINE_ROWS = 12;

const EXAMPLES = `
Draws with the small model that comes with the package, by the same code as \`svg-t2i sample\`. It knows circles, squares,
triangles, stars, hearts and crosses, in red, orange, yellow, green, cyan, blue, purple and pink, up to four of a kind,
left of, right of, above or below each other, on white, grey or black.

Where libtorch is missing it asks whether to fetch it, as \`svg-t2i install\` does; without a terminal only --yes does.

Examples:
  svg-t2i quickstart
  svg-t2i quickstart "a yellow star above three green hearts on black" -o stars.png
  svg-t2i quickstart "a pink heart" --seed 5
`;

interface QuickstartOptions extends CommonOptions {
  readonly output: string;
  readonly seed: string;
  readonly yes?: boolean;
}

export function quickstartCommand(): Command {
  const command = new Command('quickstart')
    .description('draw a first picture with the small model of the package')
    .argument('[prompt]', 'what to draw', DEFAULT_PROMPT)
    .option('-o, --output <file>', 'the picture', join('output', 'quickstart.png'))
    .option('--seed <n>', 'another seed draws another picture', '0')
    .option('-y, --yes', 'fetch libtorch without a question where it is missing');
  addOutputModeFlags(command);
  return command.addHelpText('after', EXAMPLES).action(runQuickstart);
}

async function runQuickstart(prompt: string, options: QuickstartOptions): Promise<void> {
  const [{ EMBEDDED_MODEL }, { loadSampleConfig }, { drawAll }, { offerLibtorch }] = await Promise.all([
    import('../../release/embedded-model.js'),
    import('../sample-config.js'),
    import('../draw.js'),
    import('../offer-libtorch.js'),
  ]);
  const config = await loadSampleConfig({
    environment: { SVG_T2I_DEVICE: process.env.SVG_T2I_DEVICE },
    flags: { model: { pretrained: EMBEDDED_MODEL }, output: { path: options.output } },
    set: [`sample.seed=${options.seed}`],
  });
  const json = options.json === true;
  const canAsk = !json && process.stdin.isTTY === true && process.stderr.isTTY === true;
  await offerLibtorch({ yes: options.yes === true, canAsk });
  const files = await drawAll(config, { prompts: [prompt] }, { json, verbose: options.verbose });
  if (!json) for (const file of files) await show(file);
}

/** Shows a PNG in terminals that can. */
async function show(file: string): Promise<void> {
  const { inlineImage, inlineProtocol } = await import('../inline-image.js');
  const protocol = process.stderr.isTTY ? inlineProtocol(process.env) : undefined;
  if (protocol === undefined || !file.endsWith('.png')) return;
  noteAsItIs(inlineImage(await readFile(file), protocol, INLINE_ROWS));
}
