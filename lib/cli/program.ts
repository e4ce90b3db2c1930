/** The command line: a table of commands, strict parsing, and one place where errors become exit codes. */
import { Command, CommanderError, type OutputConfiguration } from 'commander';
import { EXIT_CODES, exitCodeOf, isAbortError, SvgT2IError, systemErrorCode, typedError } from '../errors.js';
import { stopExitCode } from '../stop.js';
import { addCommands } from './command-entry.js';
import { commandFrom, listedFrom, readOutlines } from './command-outline.js';
import { mayAskForHelp, wordsOf } from './command-words.js';
import { helpCommand } from './commands/help.js';
import { COMMANDS } from './commands/table.js';
import { errorToJson, printError, printJson } from './output.js';
import { adoptStop } from './signals.js';
import { asksForVersions, printVersions } from './version.js';

const EXAMPLES = `
Examples:
  svg-t2i quickstart
  svg-t2i sample "a red fox in the snow" --pretrained ./pre-trained -o fox.png
  svg-t2i sample --prompts prompts.txt --size 1280x720 --seed 7 -o out/
  svg-t2i serve
  svg-t2i doctor

Exit codes:
  0 ok, 1 failure (also of one picture of a list), 2 wrong usage, 3 environment (libtorch, addon, GPU, network), 4 weights missing, not to be
  had or mixed up,
  5 out of memory. Stopped, with what is done saved: 130 interrupted (Ctrl-C), ${stopExitCode('SIGTERM')} by SIGTERM,
  ${stopExitCode('SIGHUP')} SIGHUP, ${stopExitCode('SIGUSR1')} SIGUSR1, ${stopExitCode('SIGUSR2')} SIGUSR2, ${stopExitCode('SIGXCPU')} SIGXCPU, ${stopExitCode('SIGPIPE')} nobody read stdout any more
`;

/** Without commands; `output` gets what commander prints. */
function createProgram(output: OutputConfiguration): Command {
  return new Command('svg-t2i')
    .description(
      'Diffusion in the features of vision encoders: pictures from text or of classes (SVG-T2I, SVG, RAE)',
    )
    .option('-V, --version', 'print the versions of the package, libtorch and CUDA (also -v)')
    .addHelpText('after', EXAMPLES)
    .exitOverride()
    .showSuggestionAfterError()
    .enablePositionalOptions()
    .configureHelp({ showGlobalOptions: false })
    .configureOutput(output);
}

/** With all commands, the one that `words` ask for as it is defined. */
async function wholeProgram(words: readonly string[], output: OutputConfiguration): Promise<Command> {
  const program = createProgram(output);
  await addCommands(program, COMMANDS, words, readOutlines());
  return completed(program);
}

/** With all commands in outline; undefined where the build has not written them. */
function outlinedProgram([asked]: readonly string[], output: OutputConfiguration): Command | undefined {
  const program = createProgram(output);
  const outlines = readOutlines();
  for (const outline of outlines) {
    program.addCommand(outline.name === asked ? commandFrom(outline) : listedFrom(outline));
  }
  return outlines.length === 0 ? undefined : completed(program);
}

/** What depends on the commands that there are. */
function completed(program: Command): Command {
  addHelpCommands(program);
  for (const command of program.commands) inheritSettings(program, command);
  return program;
}

/** To the program and to each command with subcommands. */
function addHelpCommands(command: Command): void {
  if (command.commands.length === 0) return;
  for (const child of command.commands) addHelpCommands(child);
  command.addCommand(helpCommand(command));
}

/** addCommand() copies no settings, unlike command(). */
function inheritSettings(parent: Command, command: Command): void {
  command.copyInheritedSettings(parent);
  for (const child of command.commands) inheritSettings(command, child);
}

/** A parser error as one of ours; undefined where the "error" is only printed help. */
function usageError(error: CommanderError): SvgT2IError | undefined {
  if (error.exitCode === 0) return undefined;
  const [message = '', ...hints] = error.message.replace(/^error: /, '').split('\n');
  return new SvgT2IError('ERR_SVGT2I_USAGE', message, {
    hint: [...hints, 'See svg-t2i --help, or svg-t2i COMMAND --help.'].join('\n'),
  });
}

/** `svg-t2i train`: commander prints the help of the command, to stderr. */
function isMissingSubcommand(error: unknown): boolean {
  return error instanceof CommanderError && error.code === 'commander.help' && error.exitCode !== 0;
}

/** A write to stdout that failed because its reader has ended: nothing to tell, and nobody to tell it to. */
function isUnreadOutput(error: unknown): boolean {
  return systemErrorCode(error) === 'EPIPE';
}

/** Prints the help that is asked for, from outlines alone; false where none is, or something is wrong with the line. */
async function printedHelp(argv: readonly string[]): Promise<boolean> {
  if (!mayAskForHelp(argv)) return false;
  let help = '';
  const program = outlinedProgram(wordsOf(argv), {
    writeOut: (text) => {
      help += text;
    },
    writeErr: () => undefined,
  });
  if (program === undefined) return false;
  try {
    if (argv.length === 0) program.outputHelp();
    else await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError) || error.exitCode !== 0) return false;
  }
  if (help !== '') process.stdout.write(help);
  return help !== '';
}

/** Runs one command line and returns the exit code, 130 where it was stopped. */
export async function main(argv: readonly string[]): Promise<number> {
  let parserText = '';
  try {
    // Ours, not commander's: the versions of libtorch and CUDA are known only after loading the addon.
    if (asksForVersions(argv)) await printVersions({ json: argv.includes('--json') });
    else if (!(await printedHelp(argv))) {
      const writeErr = (text: string) => {
        parserText += text;
      };
      const program = await wholeProgram(wordsOf(argv), { writeErr });
      if (argv.length === 0) program.outputHelp();
      else await program.parseAsync(argv, { from: 'user' });
    }
    return typeof process.exitCode === 'number' ? process.exitCode : EXIT_CODES.ok;
  } catch (thrown) {
    if (isMissingSubcommand(thrown)) {
      process.stderr.write(parserText);
      return EXIT_CODES.usage;
    }
    const error = thrown instanceof CommanderError ? usageError(thrown) : typedError(thrown);
    if (error === undefined) return EXIT_CODES.ok;
    if (isUnreadOutput(thrown)) {
      adoptStop('SIGPIPE');
      return EXIT_CODES.interrupted;
    }
    if (argv.includes('--json')) printJson(errorToJson(error));
    if (!isAbortError(error)) printError(error, { verbose: argv.includes('--verbose') });
    return exitCodeOf(error);
  }
}
