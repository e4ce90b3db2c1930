/** The command line as it was typed, for reports that say how they came about. */

/** `svg-t2i` and its arguments, quoted for a shell. */
export function typedCommand(args: readonly string[] = process.argv.slice(2)): string {
  return ['svg-t2i', ...args].map(quoted).join(' ');
}

function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
