/**
 * What the help shows of a command, as data: the build writes it of all of them, so that a help is printed without the
 * schemas that the flags of a command come from.
 */
import type { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import { Argument, Command, Option } from 'commander';
import { systemErrorCode } from '../errors.js';

/** Of an argument or an option. */
interface ValueOutline {
  /** `<file>`, or `--out <file>`. */
  readonly flags: string;
  readonly description: string;
  readonly default?: unknown;
  /** In place of the value itself. */
  readonly defaultWords?: string | undefined;
  readonly choices?: readonly string[] | undefined;
}

interface OptionOutline extends ValueOutline {
  /** Heading that it stands under. */
  readonly group?: string | undefined;
}

export interface CommandOutline {
  readonly name: string;
  readonly description: string;
  readonly arguments: readonly ValueOutline[];
  readonly options: readonly OptionOutline[];
  /** Behind the lists: examples. */
  readonly after: string;
  readonly commands: readonly CommandOutline[];
}

export function outlineOf(command: Command): CommandOutline {
  let after = '';
  (command as unknown as EventEmitter).emit('afterHelp', {
    error: false,
    command,
    write: (text: string) => {
      after += text;
    },
  });
  return {
    name: command.name(),
    description: command.description(),
    arguments: command.registeredArguments.map((argument) => valueOutline(bracketed(argument), argument)),
    options: command.options.map((option) => ({
      ...valueOutline(option.flags, option),
      group: option.helpGroupHeading,
    })),
    after: after.replace(/\n$/, ''), // commander's own
    commands: command.commands.map(outlineOf),
  };
}

function valueOutline(flags: string, value: Argument | Option): ValueOutline {
  return {
    flags,
    description: value.description,
    default: value.defaultValue,
    defaultWords: value.defaultValueDescription,
    choices: value.argChoices,
  };
}

function bracketed(argument: Argument): string {
  const name = `${argument.name()}${argument.variadic ? '...' : ''}`;
  return argument.required ? `<${name}>` : `[${name}]`;
}

/** A command that stands in the list of its parent as this one does, and has no help of its own. */
export function listedFrom({ name, description, arguments: values, options }: CommandOutline): Command {
  const command = new Command(name).description(description);
  for (const { flags } of values) command.addArgument(new Argument(flags));
  return options.length === 0 ? command : command.option('--any');
}

/** A command that has this help, and does nothing. */
export function commandFrom(outline: CommandOutline): Command {
  const command = new Command(outline.name).description(outline.description);
  for (const value of outline.arguments) {
    command.addArgument(withValues(new Argument(value.flags, value.description), value));
  }
  for (const value of outline.options) {
    const option = withValues(new Option(value.flags, value.description), value);
    command.addOption(value.group === undefined ? option : option.helpGroup(value.group));
  }
  if (outline.after !== '') command.addHelpText('after', outline.after);
  for (const child of outline.commands) command.addCommand(commandFrom(child));
  return command;
}

function withValues<Kind extends Argument | Option>(
  made: Kind,
  { default: usual, defaultWords, choices }: ValueOutline,
): Kind {
  if (choices !== undefined) made.choices(choices);
  made.default(usual, defaultWords);
  return made;
}

/** Where the build has written them. */
export const OUTLINES_FILE = new URL('./command-outlines.json', import.meta.url);

/** Of all commands; none where they are not written yet. */
export function readOutlines(): readonly CommandOutline[] {
  try {
    return JSON.parse(readFileSync(OUTLINES_FILE, 'utf8')) as readonly CommandOutline[];
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return [];
    throw error;
  }
}
