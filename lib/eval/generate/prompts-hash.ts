/** The hash of a list of prompts: of its file, or of all files of its folder. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { hashFile } from '../../files.js';
import { entriesOf, namesFolder } from '../layouts/look.js';

/**
 * SHA-256 in hexadecimal digits; of a folder that of a list of its .txt files as sha256sum prints it, in the order of their names.
 *
 * @throws SvgT2IError ERR_SVGT2I_FILE_NOT_FOUND or ERR_SVGT2I_IO
 */
export async function promptsHash(path: string): Promise<string> {
  if (!(await namesFolder(path))) return (await hashFile(path)).sha256;
  const all = createHash('sha256');
  for (const { name } of (await entriesOf(path)).filter((entry) => entry.name.endsWith('.txt'))) {
    all.update(`${(await hashFile(join(path, name))).sha256}  ${name}\n`);
  }
  return all.digest('hex');
}
