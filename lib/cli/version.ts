/** The versions that `svg-t2i --version` prints. */
import { readFile } from 'node:fs/promises';

/** `version` of our package.json. */
export async function packageVersion(): Promise<string> {
  const text = await readFile(new URL('../../package.json', import.meta.url), 'utf8');
  const { version } = JSON.parse(text) as { version: string };
  return version;
}

export async function versionText(): Promise<string> {
  return `svg-t2i ${await packageVersion()} (Node.js ${process.versions.node})`;
}
