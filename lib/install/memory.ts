/** The memory that this process may take: of the machine, or of its container where that has less. */
import { totalmem } from 'node:os';

/** Bytes. A container without a limit reports 0, or more than there is. */
export function memoryLimit(
  total: number = totalmem(),
  constrained: number | undefined = process.constrainedMemory(),
): number {
  return constrained !== undefined && constrained > 0 ? Math.min(total, constrained) : total;
}

/** Bytes that are free now, within that limit. */
export function memoryAvailable(): number {
  return Math.min(process.availableMemory(), memoryLimit());
}
