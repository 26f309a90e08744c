// The file of a module, as far as it is at hand.

import { ElfObject } from '../../elf/object.js';
import type { KernelFacts } from '../tree/kernel-facts.js';

/** Out of the image, or what was built here; undefined where there is only a capture, or nothing. */
export async function moduleFile(
  name: string,
  { image, modules }: KernelFacts,
): Promise<ElfObject | undefined> {
  const built = modules?.read(name);
  const rebuilt = built && new ElfObject(built.data, built.path);
  return (await image?.moduleFile(name)) ?? rebuilt;
}
