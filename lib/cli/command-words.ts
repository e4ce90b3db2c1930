/** What a command line asks for, as far as it shows before any flag is known. */

/** Its words without flags, and without `help`, which stands in front of commands. */
export function wordsOf(argv: readonly string[]): readonly string[] {
  return argv.filter((argument) => !argument.startsWith('-') && argument !== 'help');
}

/** Whether it may be for a help. A flag's value may look the same. */
export function mayAskForHelp(argv: readonly string[]): boolean {
  return argv.length === 0 || argv.some((argument) => ['-h', '--help', 'help'].includes(argument));
}
