import { withDirectory } from '../update/sample.js';
import { SimulatedKernel } from './simulated-kernel.js';

/** A kernel with these updates applied, by whoever: nothing is remembered of them. */
export const inKernelWith =
  (ids: readonly string[], use: (kernel: SimulatedKernel) => Promise<void>) => () =>
    withDirectory(async (where) => {
      const kernel = await new SimulatedKernel(where).boot();
      if (ids.length > 0) await kernel.add('ksplice');
      for (const id of ids) {
        await kernel.add(`ksplice_${id}_vmlinux_new`);
        await kernel.add(`ksplice_${id}_sctp_new`);
        await kernel.put(`sys/kernel/ksplice/${id}/stage`, 'applied\n');
      }
      await use(kernel);
    });
