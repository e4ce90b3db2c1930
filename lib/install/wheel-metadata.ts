/** What a wheel of torch says of itself, and what pip is asked for to get it. */

/**
 * pip's names for a flavour, the exact one first. Without a suffix an index gives what it has: for CUDA that must
 * not be a CPU build.
 */
export function torchRequirements(version: string, flavour: string): readonly string[] {
  const exact = `torch==${version}+${flavour}`;
  return flavour === 'cpu' ? [exact, `torch==${version}`] : [exact, `torch==${version},!=${version}+cpu`];
}

/** The Requires-Dist lines of a METADATA. */
export function requiresDist(metadata: string): readonly string[] {
  return [...metadata.matchAll(/^Requires-Dist:\s*(.+)$/gm)].map((match) => (match[1] ?? '').trim());
}

/** Those of NVIDIA's packages, without their markers: a CPU build has none. */
export function nvidiaRequirements(requires: readonly string[]): readonly string[] {
  return requires
    .filter((text) => /^(nvidia-|cuda-toolkit)/.test(text))
    .map((text) => (text.split(';', 1)[0] ?? '').trim().replace(/\s*\(([^)]*)\)$/, '$1'));
}

/** cpu, cu130 and the like; cuda where the requirements name no version of it. */
export function offeredFlavour(requires: readonly string[]): string {
  const nvidia = nvidiaRequirements(requires);
  if (nvidia.length === 0) return 'cpu';
  for (const text of nvidia) {
    // The toolkit, or the runtime library of the time before it: both carry CUDA's own version.
    const version = /^(?:cuda-toolkit(?:\[[^\]]*\])?|nvidia-cuda-runtime(?:-cu\d+)?)==(\d+)\.(\d+)/.exec(
      text,
    );
    if (version !== null) return `cu${version[1]}${version[2]}`;
  }
  return 'cuda';
}
