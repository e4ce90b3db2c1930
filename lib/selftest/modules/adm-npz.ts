/** `adm_npz` cases: npz files that are read to the last value, others that are refused, and one that is written. */
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { SvgT2IError } from '../../errors.js';
import { checkAdmNpz, picturesOf } from '../../eval/adm-npz.js';
import { readStatistics } from '../../eval/npz-statistics.js';
import { type NpyArray, openNpz } from '../../npz/read.js';
import { writeNpz } from '../../npz/write.js';
import type { Comparison } from '../comparison.js';
import type { GoldenCase } from '../golden-case.js';

const arraySchema = z.looseObject({
  dtype: z.string(),
  shape: z.array(z.number()),
  sha256: z.string(),
  values: z.array(z.number()).optional(),
});

const specSchema = z.looseObject({
  files: z.record(
    z.string(),
    z.looseObject({
      members: z.record(z.string(), arraySchema),
      /** Or what it stops with. */
      adm_evaluator_reads_arr_0: z.union([z.literal(true), z.string()]),
    }),
  ),
  refuse: z.record(z.string(), z.looseObject({ why: z.string() })),
  write: z.looseObject({ from: z.string(), member: z.string(), sha256: z.string() }),
});

type Spec = z.output<typeof specSchema>;

export async function runAdmNpzCase(golden: GoldenCase, result: Comparison): Promise<void> {
  const spec = specSchema.parse(golden.spec);
  for (const [name, wanted] of Object.entries(spec.files)) await compareFile(golden, name, wanted, result);
  for (const [name, { why }] of Object.entries(spec.refuse)) await compareRefusal(golden, name, why, result);
  await compareWritten(golden, spec.write, result);
}

async function compareFile(
  golden: GoldenCase,
  name: string,
  wanted: Spec['files'][string],
  result: Comparison,
): Promise<void> {
  await using file = await openNpz(join(golden.folder, name));
  result.expectText(`${name} members`, file.names.join(), Object.keys(wanted.members).join());
  for (const [member, array] of Object.entries(wanted.members)) {
    const label = `${name} ${member}`;
    const got = await file.read(member);
    result.expectText(`${label} type`, got.dtype, array.dtype);
    result.expectEqual(`${label} shape`, got.shape, array.shape);
    result.expectText(`${label} sha256`, sha256Of([got]), array.sha256);
    const numbers = Array.from(got.data, Number);
    if (array.values !== undefined) result.expectEqual(`${label} values`, numbers, array.values);
    // Two at a time must give the same as all at once.
    const parts: NpyArray[] = [];
    for await (const part of file.rows(member, { rowsAtOnce: 2 })) parts.push(part);
    result.expectText(`${label} in parts`, sha256Of(parts), array.sha256);
  }
  const hasPictures = await picturesOf(file).then(
    () => true,
    () => false,
  );
  const readsPictures = wanted.adm_evaluator_reads_arr_0 === true;
  result.expectText(`${name} has pictures`, String(hasPictures), String(readsPictures));
}

async function compareRefusal(
  golden: GoldenCase,
  name: string,
  why: string,
  result: Comparison,
): Promise<void> {
  const path = join(golden.folder, name);
  const { faults } = await checkAdmNpz(path);
  if (faults.length === 0) result.fail(`${name} is taken: ${why}`);
  try {
    await using file = await openNpz(path);
    if (why.startsWith('as a reference')) await readStatistics(file);
    else {
      await picturesOf(file);
      await file.read('arr_0');
    }
    result.fail(`${name} is read: ${why}`);
  } catch (error) {
    const isTold = SvgT2IError.isInstance(error) && error.message.includes(name);
    if (!isTold) result.fail(`${name} is refused by no error that names it: ${String(error)}`);
  }
}

async function compareWritten(
  golden: GoldenCase,
  { from, member, sha256 }: Spec['write'],
  result: Comparison,
): Promise<void> {
  const original = join(golden.folder, from);
  const folder = await mkdtemp(join(tmpdir(), 'svg-t2i-npz-'));
  try {
    await using file = await openNpz(original);
    const array = await file.read(member);
    const path = join(folder, from);
    await writeNpz(path, [{ name: member, ...array }]);
    await using written = await openNpz(path);
    result.expectText(`written ${member}`, sha256Of([await written.read(member)]), sha256);
    const isSame = (await readFile(path)).equals(await readFile(original));
    if (!isSame) result.fail(`the file written from ${from} is not the same, byte for byte`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function sha256Of(arrays: readonly NpyArray[]): string {
  const hash = createHash('sha256');
  for (const { data } of arrays) hash.update(data);
  return hash.digest('hex');
}
