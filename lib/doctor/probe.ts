/** Run by the doctor in a child process: loads the addon and prints what it says of itself. */
import { firstLine } from '../errors.js';
import { loadNative } from '../native/load.js';

try {
  process.stdout.write(loadNative().info());
} catch (error) {
  process.stderr.write(`${firstLine(error)}\n`);
  process.exitCode = 1;
}
