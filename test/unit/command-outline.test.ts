import type { Command } from 'commander';
import { expect, it } from 'vitest';
import { addCommands } from '../../lib/cli/command-entry.js';
import { commandFrom, listedFrom, outlineOf } from '../../lib/cli/command-outline.js';
import { mayAskForHelp, wordsOf } from '../../lib/cli/command-words.js';
import { COMMANDS } from '../../lib/cli/commands/table.js';

/** Of a command and all below it, as a terminal of 80 columns shows it. */
function helpsOf(command: Command): readonly string[] {
  let help = '';
  command.configureOutput({
    writeOut: (text) => {
      help += text;
    },
    getOutHelpWidth: () => 80,
  });
  command.outputHelp();
  return [help, ...command.commands.flatMap(helpsOf)];
}

it.each(COMMANDS)('$name has the help of its definition, and its own name', async ({ name, load }) => {
  const defined = await load('all');
  expect(defined.name()).toBe(name);
  const outline = JSON.parse(JSON.stringify(outlineOf(defined)));
  expect(helpsOf(commandFrom(outline))).toEqual(helpsOf(defined));
});

it('a parent lists all as they are defined', async () => {
  const defined = await Promise.all(COMMANDS.map(({ load }) => load('all')));
  const parent = () => commandFrom({ ...plain, name: 'parent' });
  const listed = parent();
  for (const command of defined) listed.addCommand(listedFrom(outlineOf(command)));
  const whole = parent();
  for (const command of defined) whole.addCommand(command);
  expect(listed.helpInformation()).toBe(whole.helpInformation());
});

it('defines the command that is asked for, and outlines the others', async () => {
  const asked: string[] = [];
  const parent = commandFrom({ ...plain, name: 'parent' });
  const entry = (name: string) => ({
    name,
    load: async () => {
      asked.push(name);
      return commandFrom({ ...plain, name, description: `${name} itself` });
    },
  });
  const outlines = ['a', 'b'].map((name) => ({ ...plain, name, description: `${name} in short` }));
  await addCommands(parent, [entry('a'), entry('b')], ['b', 'c'], outlines);
  expect(asked).toEqual(['b']);
  expect(parent.commands.map((command) => command.description())).toEqual(['a in short', 'b itself']);
});

const plain = { description: '', arguments: [], options: [], after: '', commands: [] } as const;

it('finds the words of a command line, and a wish for help', () => {
  expect(wordsOf(['help', 'eval', '--json', 'images'])).toEqual(['eval', 'images']);
  expect(mayAskForHelp([])).toBe(true);
  expect(mayAskForHelp(['sample', '-h'])).toBe(true);
  expect(mayAskForHelp(['sample', 'a fox'])).toBe(false);
});
