/** What a built addon says about itself; lies beside the loader addon. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

export const BUILD_INFO_FILE = 'build-info.json';

const buildInfoSchema = z.object({
  /** Version of libtorch that the addon was built against. */
  torch: z.string(),
  flavour: z.string(),
  /** Where that libtorch was; a prebuilt addon does not say. */
  libtorch: z.string().optional(),
});

export type BuildInfo = z.infer<typeof buildInfoSchema>;

export function readBuildInfo(folder: string): BuildInfo {
  return buildInfoSchema.parse(JSON.parse(readFileSync(join(folder, BUILD_INFO_FILE), 'utf8')));
}
