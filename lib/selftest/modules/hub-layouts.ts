/** `hub_layouts` cases: the hub's cache as huggingface_hub has written it, read by us, and written by us as it was. */
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { blobFile, filesBelow, repoFolder, resolveInCache, snapshotFolder } from '../../hub/cache.js';
import type { HubFile, Listing } from '../../hub/listing.js';
import { etagOf, linkBlob, prepareRepository, writeRef, writeTree } from '../../hub/store.js';
import type { Comparison } from '../comparison.js';
import type { GoldenCase } from '../golden-case.js';

const entry = z.looseObject({
  path: z.string(),
  text: z.string().optional(),
  link: z.string().optional(),
  sha256: z.string().optional(),
  directory: z.boolean().optional(),
});
const specSchema = z.looseObject({
  repo: z.looseObject({
    id: z.string(),
    commit: z.string(),
    refs: z.array(z.string()),
    files: z.array(
      z.looseObject({
        path: z.string(),
        text: z.string(),
        lfs: z.boolean(),
        git_sha1: z.string(),
        sha256: z.string(),
      }),
    ),
  }),
  cache_after_one_file: z.array(entry),
  cache_after_all: z.array(entry),
});

type Spec = z.output<typeof specSchema>;
type Entry = z.output<typeof entry>;

/** Each byte is one letter. */
const bytesOf = (text: string) => Buffer.from(text, 'latin1');

export async function runHubLayoutsCase(golden: GoldenCase, result: Comparison): Promise<void> {
  const spec = specSchema.parse(golden.spec);
  const folder = await mkdtemp(join(tmpdir(), 'svg-t2i-hub-'));
  try {
    await checkReading(spec, join(folder, 'theirs'), result);
    await checkWriting(spec, join(folder, 'one'), ['main'], 1, spec.cache_after_one_file, result);
    // Tags are asked for by nobody in the case.
    const refs = spec.repo.refs.filter((ref) => isThere(spec.cache_after_all, `refs/${ref}`));
    await checkWriting(spec, join(folder, 'all'), refs, spec.repo.files.length, spec.cache_after_all, result);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function isThere(entries: readonly Entry[], ending: string): boolean {
  return entries.some(({ path }) => path.endsWith(`/${ending}`));
}

async function checkReading({ repo, cache_after_all: entries }: Spec, cache: string, result: Comparison) {
  for (const { path, text, link, sha256, directory } of entries) {
    const place = join(cache, path);
    await mkdir(directory ? place : dirname(place), { recursive: true });
    const content = repo.files.find((file) => file.sha256 === sha256)?.text ?? text ?? '';
    if (link !== undefined) await symlink(link, place);
    else if (!directory) await writeFile(place, bytesOf(content));
  }
  const env = { HF_HUB_CACHE: cache };
  const snapshot = snapshotFolder(cache, repo.id, repo.commit);
  for (const revision of [...repo.refs, repo.commit]) {
    const wanted = revision === repo.commit || isThere(entries, `refs/${revision}`) ? snapshot : '';
    result.expectText(revision, resolveInCache({ repo: repo.id, revision }, env) ?? '', wanted);
  }
  const paths = repo.files.map(({ path }) => path).sort();
  result.expectText('files', filesBelow(snapshot).join(' '), paths.join(' '));
  for (const { path, sha256 } of repo.files) {
    const hash = createHash('sha256').update(await readFile(join(snapshot, path)));
    result.expectText(path, hash.digest('hex'), sha256);
  }
}

/** Locks, and what others remember of files that are not there, are each tool's own. */
const OTHERS = /^(\.locks\/|CACHEDIR\.TAG$)|\/\.no_exist\//;

async function checkWriting(
  { repo }: Spec,
  cache: string,
  refs: readonly string[],
  count: number,
  entries: readonly Entry[],
  result: Comparison,
): Promise<void> {
  const files: HubFile[] = repo.files.map(({ path, text, lfs, git_sha1: gitSha1, sha256 }) => ({
    ...{ path, bytes: bytesOf(text).length, gitSha1 },
    ...(lfs ? { sha256 } : {}),
  }));
  const listing: Listing = { repo: repo.id, revision: 'main', commit: repo.commit, files };
  await prepareRepository(cache, repo.id);
  for (const file of files.slice(0, count)) {
    const text = repo.files.find(({ path }) => path === file.path)?.text ?? '';
    await writeFile(blobFile(cache, repo.id, etagOf(file)), bytesOf(text));
    await linkBlob(cache, listing, file, { isNew: true });
  }
  for (const revision of refs) await writeRef(cache, { ...listing, revision });
  if (isThere(entries, `trees/${repo.commit}.json`)) await writeTree(repoFolder(cache, repo.id), listing);
  const wanted = entries.filter(({ path }) => !OTHERS.test(path));
  const written = filesBelow(cache).filter((path) => !OTHERS.test(path));
  result.expectText(
    'written',
    written.join(' '),
    wanted
      .map(({ path }) => path)
      .sort()
      .join(' '),
  );
  for (const { path, text, link } of wanted) {
    const place = join(cache, path);
    if (link !== undefined) result.expectText(path, await readlink(place), link);
    else if (text !== undefined) result.expectText(path, await readFile(place, 'latin1'), text);
  }
}
