import { readFileSync, statSync } from 'node:fs';
import { describe, expect, it, test } from 'vitest';
import {
  DisposedError,
  EXIT_CODES,
  exitCodeOf,
  fileError,
  NATIVE_ERROR_CODES,
  SvgT2IError,
  typedError,
} from '../../lib/errors.js';

test('the codes are those of the engine', () => {
  const source = readFileSync(new URL('../../native/core/error.cpp', import.meta.url), 'utf8');
  const inEngine = new Set([...source.matchAll(/"(ERR_SVGT2I_\w+)"/g)].map((match) => match[1]));
  expect(new Set(NATIVE_ERROR_CODES)).toEqual(inEngine);
});

test('an error is known by its mark, not by its class', () => {
  const error = new SvgT2IError('ERR_SVGT2I_IO', 'no', { hint: 'yes' });
  expect(SvgT2IError.isInstance(error)).toBe(true);
  expect(SvgT2IError.isInstance({ ...error })).toBe(true);
  expect(SvgT2IError.isInstance(new Error('no'))).toBe(false);
  expect(SvgT2IError.isInstance(undefined)).toBe(false);
  expect(error.hint).toBe('yes');
  expect(new DisposedError('the pipeline')).toBeInstanceOf(SvgT2IError);
});

test.each([
  ['ERR_SVGT2I_USAGE', EXIT_CODES.usage],
  ['ERR_SVGT2I_INVALID_CONFIG', EXIT_CODES.usage],
  ['ERR_SVGT2I_DEVICE_UNAVAILABLE', EXIT_CODES.environment],
  ['ERR_SVGT2I_LIBTORCH_MISSING', EXIT_CODES.environment],
  ['ERR_SVGT2I_WEIGHTS_MISSING', EXIT_CODES.weights],
  ['ERR_SVGT2I_OUT_OF_MEMORY', EXIT_CODES.memory],
  ['ERR_SVGT2I_CANCELLED', EXIT_CODES.interrupted],
  ['ERR_SVGT2I_FILE_FORMAT', EXIT_CODES.failure],
] as const)('%s exits with %i', (code, exitCode) => {
  expect(exitCodeOf(new SvgT2IError(code, 'x'))).toBe(exitCode);
});

test('an abort without a reason exits as an interruption, anything else as a failure', () => {
  const controller = new AbortController();
  controller.abort();
  expect(exitCodeOf(controller.signal.reason)).toBe(130);
  expect(exitCodeOf(new TypeError('x'))).toBe(1);
});

test.each([
  ['ENOENT', 'ERR_SVGT2I_FILE_NOT_FOUND'],
  ['ENOSPC', 'ERR_SVGT2I_DISK_FULL'],
  ['EACCES', 'ERR_SVGT2I_IO'],
  ['EISDIR', 'ERR_SVGT2I_IO'],
])('%s becomes %s with the path', (system, code) => {
  const error = fileError(Object.assign(new Error(`${system}: x`), { code: system }), 'read', '/some/file');
  expect(error.code).toBe(code);
  expect(error.message).toContain('/some/file');
});

describe('a system error that nobody has put into words', () => {
  const thrownBy = (call: () => unknown): unknown => {
    try {
      return call();
    } catch (error) {
      return error;
    }
  };

  it('gets a code and names the call and the path', () => {
    expect(typedError(thrownBy(() => statSync('/nowhere/x')))).toMatchObject({
      code: 'ERR_SVGT2I_FILE_NOT_FOUND',
      message: 'cannot stat /nowhere/x: no such file or folder',
    });
    expect(typedError(thrownBy(() => statSync(`${import.meta.filename}/x`)))).toMatchObject({
      code: 'ERR_SVGT2I_IO',
      message: expect.stringContaining('a part of the path is a file'),
    });
    expect(typedError(thrownBy(() => statSync('a\0b')))).toMatchObject({
      code: 'ERR_SVGT2I_INVALID_ARGUMENT',
      message: expect.stringMatching(/a.*b.*that is no path/),
    });
    const moved = { code: 'EXDEV', syscall: 'rename', path: 'a', dest: 'b' };
    expect(typedError(Object.assign(new Error('EXDEV: x'), moved))).toMatchObject({
      code: 'ERR_SVGT2I_IO',
      message: 'cannot rename a -> b: EXDEV: x',
    });
  });

  it('of too many open files has the fix', () => {
    const error = Object.assign(new Error('EMFILE'), { code: 'EMFILE', syscall: 'open', path: 'x' });
    expect(typedError(error)).toMatchObject({ hint: expect.stringContaining('ulimit -n') });
  });

  it('is left alone where it is none', () => {
    const plain = new TypeError('x');
    const typed = new SvgT2IError('ERR_SVGT2I_IO', 'x');
    expect([typedError(plain), typedError(typed), typedError('x')]).toEqual([plain, typed, 'x']);
  });
});
