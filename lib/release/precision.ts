/** What a precision asks of a machine: int8 a CPU, and either 8-bit or 16-bit numbers instructions for them. */
import type { Dtype } from '../config/model.js';
import { SvgT2IError } from '../errors.js';
import type { RuntimeInfo } from '../native/binding.js';
import type { LoadedModels } from '../native/loaded-models.js';

/** What is known before anything is looked for or loaded. */
interface Asked {
  readonly device?: string | undefined;
  readonly dtype?: Dtype | undefined;
}

/**
 * Refuses what no machine does. Where the device is `auto`, the engine refuses it, before it loads anything.
 *
 * @throws SvgT2IError ERR_SVGT2I_INVALID_CONFIG
 */
export function checkPrecision(
  { device = 'auto', dtype = 'auto' }: Asked,
  nameOf: (option: 'device' | 'dtype') => string = (option) => option,
): void {
  if (dtype !== 'int8' || !device.startsWith('cuda')) return;
  throw new SvgT2IError(
    'ERR_SVGT2I_INVALID_CONFIG',
    `${nameOf('dtype')}: int8 is computed on a CPU alone, and ${nameOf('device')} is ${device}`,
    {
      hint: 'Leave the dtype out on a GPU, which then takes bf16 (also of weights that are stored as int8), or take the cpu.',
    },
  );
}

/** What the processor has, of runtimeInfo(). */
type Processor = Pick<RuntimeInfo, 'cpuBf16' | 'cpuInt8'>;

/**
 * Remarks on a precision that the processor has no instructions for; none on a GPU.
 *
 * @param processor asked only where something is in bf16 or int8
 */
export function slowPrecision(
  { device, dtype, dit, textEncoder }: LoadedModels,
  processor: () => Processor,
): readonly string[] {
  const used = new Set([dit?.dtype, textEncoder?.dtype, dtype]);
  if (device !== 'cpu' || !(used.has('bf16') || used.has('int8'))) return [];
  const { cpuBf16, cpuInt8 } = processor();
  const warnings: string[] = [];
  // 637 ms against 205 of the encoder, on a Xeon with avx512_vnni and no bf16.
  if (used.has('bf16') && !cpuBf16) {
    warnings.push(
      'this processor has no bf16 instructions: bf16 takes about 3 times as long as fp32; use --dtype auto or fp32' +
        (cpuInt8 === 'none' ? '' : ', or int8'),
    );
  }
  if (used.has('int8') && cpuInt8 === 'none') {
    warnings.push(
      'this processor multiplies no 8-bit numbers (neither avx512_vnni, avx_vnni nor AMX): int8 saves memory here and no time; ' +
        '--dtype fp32 is faster',
    );
  }
  return warnings;
}

/**
 * What a picture says that it was drawn in, so that it is drawn so again. `auto` where files alone made a part int8: what
 * stands beside it, the autoencoder too, then goes as `auto` has it, and no other word leads there.
 */
export function drawnPrecision({ dtype, dit, textEncoder }: LoadedModels, asked: Dtype): string {
  return asked === 'auto' && [dit?.dtype, textEncoder?.dtype].includes('int8') ? 'auto' : dtype;
}
