export function compareVersions(a: string, b: string): number;
export function versionedSymbols(
  file: string,
): readonly { readonly family: string; readonly version: string; readonly symbol: string }[];
export function newestVersions(file: string): Readonly<Record<string, string>>;
export function libraryEntries(file: string): readonly { readonly tag: string; readonly value: string }[];
export function isStripped(file: string): boolean;
export function gccMajor(file: string): number;
export function kernelTargets(file: string): readonly string[];
