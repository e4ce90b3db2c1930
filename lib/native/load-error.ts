/** What to do where the addon does not load. */

// glibc's words, for a symbol of a newer glibc or libstdc++ than that of the system.
const TOO_OLD = /(\S+): version [`'"]((?:GLIBC|GLIBCXX|CXXABI)_[\d.]+)' not found/;

/** The hint for an error of dlopen. */
export function loadHint(message: string): string {
  const [, library, version] = TOO_OLD.exec(message) ?? [];
  if (library !== undefined && version !== undefined) {
    const needed = 'glibc 2.28 and the libstdc++ of GCC 11 (GLIBCXX_3.4.29)';
    return `${library} of this system is older than ${version}. The prebuilt addon needs ${needed}: use a newer distribution, or run \`npx svg-t2i build\` here with GCC 11 or newer.`;
  }
  return 'Run `npx svg-t2i doctor` for the cause, or `npx svg-t2i build` to build the addon anew.';
}
