/** `svg-t2i info`: the parameters that a picture carries. */
import { Command } from 'commander';
import type { ImageParameters } from '../../image/parameters.js';
import { printJson, printLine } from '../output.js';

export function infoCommand(): Command {
  return new Command('info')
    .description('print the parameters stored in a picture')
    .argument('<picture>', 'a PNG, JPEG or WebP file that svg-t2i has written')
    .option('--json', 'print one JSON object')
    .action(async (picture: string, flags: { readonly json?: boolean }) => {
      const { requireParameters } = await import('../picture-parameters.js');
      const parameters = await requireParameters(picture);
      if (flags.json === true) printJson(parameters);
      else printParameters(parameters);
    });
}

function printParameters(parameters: ImageParameters): void {
  const width = Math.max(0, ...Object.keys(parameters).map((name) => name.length));
  for (const [name, value] of Object.entries(parameters)) {
    printLine(`${printable(name).padEnd(width)}  ${printable(value)}`);
  }
}

/** Text as it stands, unless it would steer the terminal. */
function printable(value: unknown): string {
  return typeof value === 'string' && !/\p{Cc}/u.test(value) ? value : JSON.stringify(value);
}
