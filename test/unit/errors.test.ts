import { readFileSync, statSync } from 'node:fs';
import { inspect } from 'node:util';
import { runInNewContext } from 'node:vm';
import { describe, expect, it, test } from 'vitest';
import {
  DisposedError,
  EXIT_CODES,
  exitCodeOf,
  fileError,
  firstLine,
  isError,
  NATIVE_ERROR_CODES,
  SvgT2IError,
  systemErrorCode,
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
  expect(SvgT2IError.isInstance(Object.create(error))).toBe(true);
  expect(SvgT2IError.isInstance(new Error('no'))).toBe(false);
  expect(SvgT2IError.isInstance(undefined)).toBe(false);
  expect(error.hint).toBe('yes');
  expect(new DisposedError('the pipeline')).toBeInstanceOf(SvgT2IError);
});

test('printing shows what there is, and nothing else', () => {
  const { stack: _, ...bare } = new SvgT2IError('ERR_SVGT2I_IO', 'no');
  expect(bare).toEqual({ code: 'ERR_SVGT2I_IO' });
  const printed = inspect(new SvgT2IError('ERR_SVGT2I_IO', 'no', { hint: 'Try it.', job: 'decode' }));
  expect(printed).toMatch(/^SvgT2IError: no\n/);
  expect(printed).toContain("hint: 'Try it.'");
  expect(printed).not.toMatch(/undefined|Symbol/);
  expect(inspect(new SvgT2IError('ERR_SVGT2I_IO', 'no'))).not.toContain('hint');
  expect(inspect(new DisposedError('The pipeline'))).toMatch(/^DisposedError: The pipeline was disposed/);
});

test('JSON holds the message', () => {
  const error = new SvgT2IError('ERR_SVGT2I_IO', 'no', { hint: 'Try it.' });
  expect(JSON.parse(JSON.stringify({ error }))).toEqual({
    error: { name: 'SvgT2IError', code: 'ERR_SVGT2I_IO', message: 'no', hint: 'Try it.' },
  });
  expect(JSON.parse(JSON.stringify(new DisposedError('The engine')))).toMatchObject({
    name: 'DisposedError',
    code: 'ERR_SVGT2I_DISPOSED',
  });
  expect(JSON.parse(JSON.stringify(new SvgT2IError('ERR_SVGT2I_IO', 'no')))).not.toHaveProperty('hint');
});

test('errors of another realm are errors', () => {
  const foreign = runInNewContext("Object.assign(new Error('ENOENT: x'), { code: 'ENOENT' })") as Error;
  expect(foreign).not.toBeInstanceOf(Error);
  expect(isError(foreign)).toBe(true);
  expect(systemErrorCode(foreign)).toBe('ENOENT');
  expect(firstLine(foreign)).toBe('ENOENT: x');
  expect(fileError(foreign, 'read', '/x').code).toBe('ERR_SVGT2I_FILE_NOT_FOUND');
  expect(isError({ message: 'x' })).toBe(false);
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
