/** The parameters of a grid: those of all its pictures. */
import { isDeepStrictEqual } from 'node:util';
import type { ImageParameters } from '../image/parameters.js';

/** What all pictures share, and under `pictures`, in their order, what each has of its own. */
export function gridMetadata(members: readonly ImageParameters[]): ImageParameters {
  const [first = {}, ...others] = members;
  const isShared = (name: string) => others.every((member) => isDeepStrictEqual(member[name], first[name]));
  const pick = (member: ImageParameters, shared: boolean) =>
    Object.fromEntries(Object.entries(member).filter(([name]) => isShared(name) === shared));
  return { ...pick(first, true), pictures: members.map((member) => pick(member, false)) };
}

/** The parameters of each picture of a grid; undefined for those of a single picture. */
export function gridMembers(parameters: ImageParameters): readonly ImageParameters[] | undefined {
  const { pictures, ...shared } = parameters;
  if (!Array.isArray(pictures)) return undefined;
  return pictures.map((own: unknown) => ({ ...shared, ...(typeof own === 'object' ? own : {}) }));
}

/** Whether parameters are those of a grid of these pictures. */
export function isGridOf(parameters: ImageParameters, members: readonly ImageParameters[]): boolean {
  return isDeepStrictEqual(
    gridMembers(parameters),
    members.map((member) => ({ ...member })),
  );
}
