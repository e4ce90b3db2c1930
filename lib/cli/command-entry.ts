/** Commands that are defined when they are asked for; of the others an outline stands in the help. */
import type { Command } from 'commander';
import { type CommandOutline, listedFrom, outlineOf } from './command-outline.js';

/** What stands on the command line behind a command's name, without flags; or all that there may be. */
export type Asked = readonly string[] | 'all';

/** What is known of a command before its file is read. */
export interface CommandEntry {
  readonly name: string;
  /** Whether it computes whatever it is told: libtorch is opened at once then, while the rest is read. */
  readonly computes?: boolean;
  readonly load: (asked: Asked) => Promise<Command>;
}

/** Adds all commands to their parent, the one that is asked for whole. */
export async function addCommands(
  parent: Command,
  entries: readonly CommandEntry[],
  asked: Asked,
  outlines: readonly CommandOutline[],
): Promise<void> {
  for (const { name, load } of entries) {
    const isAsked = asked === 'all' || asked[0] === name;
    const outline = outlines.find((one) => one.name === name);
    parent.addCommand(
      isAsked ? await load(rest(asked)) : listedFrom(outline ?? outlineOf(await load('all'))),
    );
  }
}

function rest(asked: Asked): Asked {
  return asked === 'all' ? 'all' : asked.slice(1);
}
