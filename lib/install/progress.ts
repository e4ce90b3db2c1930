/** Events of a long installation step, and their plain one-line form. */
export type InstallProgress =
  | { readonly kind: 'note'; readonly message: string }
  | {
      readonly kind: 'bytes';
      readonly what: string;
      readonly done: number;
      readonly total: number | undefined;
    };

export type OnInstallProgress = (progress: InstallProgress) => void;

const MIB = 1024 * 1024;

/** Prints notes at once and byte counts about every two seconds: fit for a terminal and for a log. */
export function progressPrinter(print: (line: string) => void, intervalMs = 2000): OnInstallProgress {
  let last = 0;
  return (progress) => {
    if (progress.kind === 'note') {
      print(progress.message);
      return;
    }
    const { what, done, total } = progress;
    const now = Date.now();
    if (now - last < intervalMs) return;
    last = now;
    const share =
      total === undefined
        ? ''
        : ` of ${(total / MIB).toFixed(0)} MiB (${Math.floor((100 * done) / total)} %)`;
    print(`${what}: ${(done / MIB).toFixed(0)}${share === '' ? ' MiB' : share}`);
  };
}
