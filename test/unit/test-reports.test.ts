import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  goldenFailures,
  nativeFailures,
  packageFailures,
  vitestFailures,
} from '../../scripts/test-reports.mjs';

function vitestReport(content: unknown): string {
  const file = join(mkdtempSync(join(tmpdir(), 'svg-t2i-report-')), 'vitest.json');
  writeFileSync(file, JSON.stringify(content));
  return file;
}

describe('the names of failed tests', () => {
  it('of the native tests', () => {
    const failed =
      'FAILED solver: euler\n  a.cpp:3: x\nFAILED rng: seeds\n  b.cpp:1: y\n10 passed, 2 failed\n';
    expect(nativeFailures({ status: 1, signal: null, stdout: failed, stderr: '' })).toEqual({
      good: 10,
      bad: ['solver: euler', 'rng: seeds'],
    });
    const good = { status: 0, signal: null, stdout: '12 passed, 0 failed\n', stderr: '' };
    expect(nativeFailures(good)).toEqual({ good: 12, bad: [] });
    const late = { ...good, status: null, signal: 'SIGSEGV' };
    expect(nativeFailures(late)).toEqual({ good: 12, bad: ['the program ended by SIGSEGV'] });
  });

  it('of a native test that takes the program with it', () => {
    const crash = {
      status: null,
      signal: 'SIGSEGV',
      stdout: 'FAILED a: b\n  c\n',
      stderr: 'CRASHED in ranks: four\n',
    };
    expect(nativeFailures(crash)).toEqual({ good: 0, bad: ['a: b', 'ranks: four (SIGSEGV)'] });
    const missing = { status: null, signal: null, stdout: null, stderr: null };
    expect(nativeFailures(missing).bad).toHaveLength(1);
  });

  it('of golden cases', () => {
    const cases = [
      { name: 'lpips', status: 'failed', message: 'off by 1' },
      { name: 'new', status: 'not-run', message: 'no such module' },
      { name: 'tokenizer', status: 'passed', message: '' },
    ];
    expect(goldenFailures(`${JSON.stringify({ cases })}\n`)).toEqual({
      good: 1,
      bad: ['lpips', 'new'],
      lines: ['failed: lpips: off by 1', 'not-run: new: no such module'],
    });
    expect(goldenFailures('')).toMatchObject({ good: 0, bad: ['selftest gave no report'] });
  });

  it('of vitest: tests, files that do not load, errors outside of tests', () => {
    const testResults = [
      {
        name: '/clone/test/unit/a.test.ts',
        status: 'failed',
        message: '',
        assertionResults: [
          { fullName: 'a reads', status: 'passed' },
          { fullName: 'a writes', status: 'failed' },
        ],
      },
      {
        name: '/clone/test/unit/b.test.ts',
        status: 'failed',
        message: 'no module x\nat y',
        assertionResults: [],
      },
    ];
    const report = vitestReport({ numPassedTests: 1, testResults });
    expect(vitestFailures(report, '/clone', 1, null)).toEqual({
      good: 1,
      bad: ['test/unit/a.test.ts: a writes', 'test/unit/b.test.ts: no module x'],
    });
    const fine = vitestReport({ numPassedTests: 3, testResults: [] });
    expect(vitestFailures(fine, '/clone', 0, null)).toEqual({ good: 3, bad: [] });
    expect(vitestFailures(fine, '/clone', 1, null).bad).toEqual([expect.stringMatching(/unhandled error/)]);
    expect(vitestFailures(undefined, '/clone', null, 'SIGKILL').bad).toEqual(['vitest ended by SIGKILL']);
  });

  it('of the package', () => {
    const text = 'ok     package: size\nFAILED package: content\n  x\n1 passed, 1 failed\n';
    expect(packageFailures(text, 1)).toEqual({ good: 1, bad: ['content'] });
    expect(packageFailures('', 1)).toEqual({ good: 0, bad: ['it ended without a summary'] });
  });
});
