// What the suites of scripts/test.mjs report: how many tests passed, and the names of those that did not. A suite that
// ends without a report has failed itself.
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';

/** @param result status, signal, stdout and stderr of the native test program */
export function nativeFailures({ status, signal, stdout, stderr }) {
  const failed = [...(stdout ?? '').matchAll(/^FAILED (.+)$/gm)].map(([, name]) => name);
  const summary = /^(\d+) passed, \d+ failed\s*$/m.exec(stdout ?? '');
  if (summary === null) {
    const test = /^CRASHED in (.+)$/m.exec(stderr ?? '')?.[1];
    const end = signal ?? `exit code ${status}`;
    return {
      good: 0,
      bad: [...failed, test === undefined ? `the program ended by ${end}` : `${test} (${end})`],
    };
  }
  if (status !== 0 && failed.length === 0)
    failed.push(`the program ended by ${signal ?? `exit code ${status}`}`);
  return { good: Number(summary[1]), bad: failed };
}

/** @param text what `selftest --json` has printed */
export function goldenFailures(text) {
  const report = text.trim();
  const cases = report.startsWith('{') ? (JSON.parse(report).cases ?? []) : [];
  if (cases.length === 0) return { good: 0, bad: ['selftest gave no report'], lines: [] };
  const bad = cases.filter(({ status }) => status !== 'passed');
  return {
    good: cases.length - bad.length,
    bad: bad.map(({ name }) => name),
    lines: bad.map(({ name, status, message }) => `${status}: ${name}: ${message}`),
  };
}

/**
 * @param report file of vitest's JSON reporter, undefined where it has written none
 * @param root folder that files are named from
 */
export function vitestFailures(report, root, status, signal) {
  const end = `vitest ended by ${signal ?? `exit code ${status}`}`;
  if (report === undefined) return { good: 0, bad: [end] };
  const { numPassedTests, testResults } = JSON.parse(readFileSync(report, 'utf8'));
  const bad = testResults.flatMap(({ name, status: fileStatus, message, assertionResults }) => {
    const file = relative(root, name);
    const tests = assertionResults.filter((test) => test.status === 'failed');
    // A file that does not even load has no tests; one whose hook fails has skipped them.
    if (tests.length === 0 && fileStatus === 'failed') return [`${file}: ${(message ?? '').split('\n')[0]}`];
    return tests.map(({ fullName }) => `${file}: ${fullName}`);
  });
  // An error outside of any test, as of a promise that nobody waited for.
  if (status !== 0 && bad.length === 0)
    bad.push(`${end} without a failed test (an unhandled error, see above)`);
  return { good: numPassedTests, bad };
}

/** @param text what scripts/test-package.mjs has printed */
export function packageFailures(text, status) {
  const bad = [...text.matchAll(/^FAILED package: (.+)$/gm)].map(([, name]) => name);
  const summary = /^(\d+) passed, \d+ failed\s*$/m.exec(text);
  if (summary === null || (status !== 0 && bad.length === 0)) bad.push('it ended without a summary');
  return { good: Number(summary?.[1] ?? 0), bad };
}
