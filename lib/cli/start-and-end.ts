/** What makes a command quick around its work: libtorch is opened while the program is read, and not taken apart at the end. */
import module from 'node:module';
import { join } from 'node:path';
import { cacheHome } from '../install/paths.js';
import { endProcess } from '../native/loader.js';
import { COMMANDS } from './commands/table.js';

/** Of Node.js 22.8 and 22.10 on. */
interface CompileCache {
  enableCompileCache?(folder: string): unknown;
  flushCompileCache?(): void;
}
const compileCache = module as unknown as CompileCache;

/** With one of these nothing is computed. */
const WORDS_ALONE = ['-h', '--help', '--print-config'];

/** Begins what takes longest: to open libtorch, on another thread. What goes wrong with it, its user is told. */
export async function beginEarly(argv: readonly string[]): Promise<void> {
  compileCache.enableCompileCache?.(join(cacheHome(), 'compiled'));
  const computes = COMMANDS.find(({ name }) => name === argv[0])?.computes ?? false;
  if (!computes || argv.some((argument) => WORDS_ALONE.includes(argument))) return;
  const { beginToOpenNative } = await import('../native/load.js');
  beginToOpenNative();
}

/** Once all is done and told: has the process end without the tenth of a second that libtorch takes for its own end. */
export function endSoon(): void {
  if (isMeasured()) return;
  // The last of the listeners: others give locks back.
  process.on('exit', (code) => {
    compileCache.flushCompileCache?.();
    endProcess(code);
  });
}

/** Whether Node.js may have a report of its own to write at its end. */
function isMeasured(): boolean {
  const { NODE_OPTIONS, NODE_V8_COVERAGE } = process.env;
  return process.execArgv.length > 0 || NODE_OPTIONS !== undefined || NODE_V8_COVERAGE !== undefined;
}
