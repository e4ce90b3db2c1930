/** The outlines of all commands, as they are defined. */
import { type CommandOutline, outlineOf } from './command-outline.js';
import { COMMANDS } from './commands/table.js';

export { OUTLINES_FILE } from './command-outline.js';

export async function allOutlines(): Promise<readonly CommandOutline[]> {
  const commands = await Promise.all(COMMANDS.map(({ load }) => load('all')));
  return commands.map(outlineOf);
}
