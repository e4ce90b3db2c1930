interface Outcome {
  readonly good: number;
  readonly bad: readonly string[];
}
interface ProgramEnd {
  readonly status: number | null;
  readonly signal: string | null;
  readonly stdout: string | null;
  readonly stderr: string | null;
}

export function nativeFailures(end: ProgramEnd): Outcome;
export function goldenFailures(text: string): Outcome & { readonly lines: readonly string[] };
export function vitestFailures(
  report: string | undefined,
  root: string,
  status: number | null,
  signal: string | null,
): Outcome;
export function packageFailures(text: string, status: number | null): Outcome;
