import { Command } from 'commander';
import { nearest } from '../../config/nearest.js';
import { SvgT2IError } from '../../errors.js';

/** `help [command...]` of a command with subcommands: commander's own prints the parent's help for an unknown one. */
export function helpCommand(parent: Command): Command {
  return new Command('help')
    .description('display help for command')
    .argument('[command...]', 'as it is called')
    .helpOption(false)
    .action((names: readonly string[]) => {
      const found = names.reduce(subcommand, parent);
      found.outputHelp();
    });
}

function subcommand(parent: Command, name: string): Command {
  const found = parent.commands.find((command) => command.name() === name);
  if (found !== undefined) return found;
  const close = nearest(
    name,
    parent.commands.map((command) => command.name()),
  );
  throw new SvgT2IError('ERR_SVGT2I_USAGE', `unknown command '${name}'`, {
    hint: close === undefined ? 'See svg-t2i --help.' : `Did you mean ${close}? See svg-t2i --help.`,
  });
}
