// New per-cpu variables come out of a reserve for the static ones of all modules together, which is
// made at boot and never grows: PERCPU_MODULE_RESERVE in include/linux/percpu.h. Only the host knows
// how much of it is used; here only its size is known.

import { refusedChange } from '../../base/errors.js';
import { ElfObject } from '../../elf/object.js';
import { perCpuSize } from '../../extract/per-cpu.js';
import type { TargetCode } from '../values.js';

/**
 * In bytes for each CPU.
 * @param config the kernel's configuration
 */
export function perCpuReserve(config: string): number {
  return /^CONFIG_MEM_ALLOC_PROFILING=y$/m.test(config) ? 8 << 13 : 8 << 10;
}

/** @throws KspliceError `refused-change` if the new code of all targets cannot have as much */
export function checkPerCpu(
  code: readonly Pick<TargetCode, 'target' | 'newCode'>[],
  reserve: number,
): void {
  const sizes = code.map(({ target, newCode }) => ({
    target,
    size: perCpuSize(new ElfObject(newCode.object, target)),
  }));
  const size = sizes.reduce((sum, one) => sum + one.size, 0);
  if (size <= reserve) return;
  const taking = sizes.filter((one) => one.size > 0);
  const refusal = {
    code: 'per-cpu-reserve',
    object: taking.map(({ target }) => target).join(', '),
    symbol: '',
    message: `new per-cpu variables take ${size} bytes for each CPU, and the kernel has ${reserve} for those of all its modules together`,
    advice: 'Allocate large variables with alloc_percpu(), from a hook: see docs/hooks.md.',
    reserve,
    sizes: taking,
  } as const;
  throw refusedChange([refusal]);
}
