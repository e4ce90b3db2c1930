/** Precisions: what is refused before anything is loaded, what is warned of, what a picture says, in which order they are proposed. */
import { expect, it } from 'vitest';
import { modelSchema } from '../../lib/config/model.js';
import { ditTrainingSchema } from '../../lib/config/train-dit.js';
import { validate } from '../../lib/config/validate.js';
import { precisionFinding } from '../../lib/doctor/precision.js';
import { countedAs, precisionsFor } from '../../lib/estimate/precisions.js';
import type { LoadedModels } from '../../lib/native/loaded-models.js';
import { FoundRelease } from '../../lib/release/found-release.js';
import { checkPrecision, drawnPrecision, slowPrecision } from '../../lib/release/precision.js';

const xeon = { cpuBf16: false, cpuInt8: 'vnni' } as const;
const sapphireRapids = { cpuBf16: true, cpuInt8: 'amx' } as const;
const old = { cpuBf16: false, cpuInt8: 'none' } as const;

const models = (dit: string, textEncoder = dit, device = 'cpu') =>
  ({ device, dtype: dit, dit: { dtype: dit }, textEncoder: { dtype: textEncoder } }) as LoadedModels;

it('int8 is refused on a GPU, by the names that the user gave, before anything is looked for', () => {
  const model = modelSchema.parse({ dtype: 'int8', device: 'cuda:1', pretrained: '/nowhere' });
  const named = () => new FoundRelease(model, (option) => `--${option}`);
  expect(named).toThrow('--dtype: int8 is computed on a CPU alone, and --device is cuda:1');
  expect(named).toThrow(expect.objectContaining({ code: 'ERR_SVGT2I_INVALID_CONFIG' }));
  for (const device of ['cpu', 'auto']) checkPrecision({ dtype: 'int8', device });
  for (const dtype of ['auto', 'bf16', 'fp32'] as const) checkPrecision({ dtype, device: 'cuda' });
  checkPrecision({});
});

it('training takes no int8, and says why', () => {
  const data = { sets: [{ path: 'pictures' }], resolution: 256 };
  const config = { model: { kind: 'next-dit', preset: '2B' }, data, steps: 1, batch: { global: 1 } };
  const check = (more: object) => validate(ditTrainingSchema, { ...config, ...more });
  expect(() => check({ frozen: { dtype: 'int8' } })).toThrow(
    'frozen.dtype: must be one of auto, fp32, bf16: int8 is for drawing',
  );
  expect(() => check({ precision: 'int8' })).toThrow(
    'precision: must be one of fp32, bf16: int8 is for drawing',
  );
  expect(() => check({ precision: 'int4' })).toThrow('precision: must be one of fp32, bf16, got "int4"');
  expect(check({ frozen: { dtype: 'bf16' } }).frozen.dtype).toBe('bf16');
  expect(check({}).frozen.dtype).toBe('auto');
});

it('bf16 and int8 are warned of where the processor has no instructions for them', () => {
  const told = (loaded: LoadedModels, processor: Parameters<typeof slowPrecision>[1]) =>
    slowPrecision(loaded, processor).join('|');
  expect(told(models('bf16'), () => xeon)).toMatch(/bf16 takes about 3 times as long as fp32; .*, or int8$/);
  expect(told(models('bf16'), () => old)).toMatch(/use --dtype auto or fp32$/);
  expect(told(models('int8'), () => old)).toMatch(/multiplies no 8-bit numbers.*--dtype fp32 is faster$/);
  expect(told(models('fp32', 'int8'), () => old)).toMatch(/8-bit/);
  expect(told(models('int8'), () => xeon)).toBe('');
  expect(told(models('bf16'), () => sapphireRapids)).toBe('');
  expect(told(models('bf16', 'bf16', 'cuda:0'), () => old)).toBe('');
  const never = () => {
    throw new Error('the processor was asked');
  };
  expect(told(models('fp32'), never)).toBe('');
});

it('a picture says what draws it again', () => {
  expect(drawnPrecision(models('int8'), 'int8')).toBe('int8');
  expect(drawnPrecision(models('int8'), 'auto')).toBe('auto');
  expect(drawnPrecision(models('fp32', 'int8'), 'auto')).toBe('auto');
  expect(drawnPrecision({ device: 'cpu', dtype: 'bf16' }, 'auto')).toBe('bf16');
});

it('an estimate proposes what the processor has instructions for first', () => {
  expect(precisionsFor('auto', 'cpu', xeon)).toEqual(['fp32', 'int8', 'bf16']);
  expect(precisionsFor('auto', 'cpu', sapphireRapids)).toEqual(['bf16', 'int8', 'fp32']);
  expect(precisionsFor('fp32', 'cpu', old)).toEqual(['fp32', 'bf16', 'int8']);
  expect(precisionsFor('int8', 'cpu', xeon)).toEqual(['int8', 'fp32', 'bf16']);
  expect(precisionsFor('auto', 'cuda:0', xeon)).toEqual(['bf16', 'fp32']);
  expect(precisionsFor('auto', 'cpu', { ...old, storedInt8: true })).toEqual(['int8', 'fp32', 'bf16']);
  expect(precisionsFor('auto', 'cuda:0', { ...xeon, storedInt8: true })).toEqual(['bf16', 'fp32']);
});

it('what auto takes on a CPU is counted as auto, which lets each part go as its file says', () => {
  const of = { dtype: 'auto', device: 'cpu', usual: 'int8' } as const;
  expect([countedAs('int8', of), countedAs('fp32', of)]).toEqual(['auto', 'fp32']);
  expect(countedAs('int8', { ...of, dtype: 'int8' })).toBe('int8');
  // Of a GPU that may be elsewhere the engine, on a CPU, knows no auto.
  expect(countedAs('bf16', { dtype: 'auto', device: 'cuda:0', usual: 'bf16' })).toBe('bf16');
});

it('the doctor says what each brings here', () => {
  const detail = (processor: typeof xeon | typeof old | typeof sapphireRapids, cudaDevices = 0) =>
    precisionFinding({ ...processor, cudaDevices }).detail;
  expect(detail(xeon)).toMatch(
    /^auto takes fp32, since there are no bf16 instructions; --dtype int8 takes less than half/,
  );
  expect(detail(sapphireRapids)).toMatch(/^auto takes bf16; --dtype int8 is multiplied by AMX/);
  expect(detail(old, 1)).toMatch(/^on the CPU auto takes fp32.*no time/);
});
