#!/usr/bin/env node
/** The entry: what must be there before anything can go wrong, then the program. */
import { EXIT_CODES, fileError } from '../errors.js';
import { errorToJson, printError, printJson } from './output.js';
import { exitCodeAfterStop, guardProcess } from './signals.js';
import { beginEarly, endSoon } from './start-and-end.js';

guardProcess();
try {
  const argv = process.argv.slice(2);
  await beginEarly(argv);
  const { main } = await import('./program.js');
  process.exitCode = exitCodeAfterStop(await main(argv));
  endSoon();
} catch (error) {
  // The program's own files could not be read.
  const told = fileError(error, 'start', 'svg-t2i');
  if (process.argv.includes('--json')) printJson(errorToJson(told));
  printError(told);
  process.exitCode = EXIT_CODES.failure;
}
