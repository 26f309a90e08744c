// What the kernel holds of memory, as allocated.sh tells it, and who holds more than before.

/** Makes the kernel remember for each object who allocated it, and keep no free ones for a CPU. */
export const COUNTED = 'slub_debug=U,kmalloc-*';
/** Objects of one caller that the rest of the system may have more at one time than at another. */
export const CHANCE = 32;

export interface Allocated {
  /** Objects by cache and caller. The callers whose module is gone are one, "?". */
  readonly slab: ReadonlyMap<string, number>;
  /** In bytes, stacks left out. */
  readonly vmalloc: number;
}

/** Who has more objects at the end, the most first. */
export function grown(warm: Allocated, end: Allocated): { name: string; more: number }[] {
  return [...end.slab]
    .map(([name, objects]) => ({ name, more: objects - (warm.slab.get(name) ?? 0) }))
    .filter(({ more }) => more > 0)
    .sort((a, b) => b.more - a.more);
}

/** The least of what several looks saw. */
export function readAllocated(text: string): Allocated {
  const looks = text
    .split(/^look\n/m)
    .slice(1)
    .map(readLook);
  const least = (of: (look: Allocated) => number) => Math.min(...looks.map(of));
  const names = new Set(looks.flatMap(({ slab }) => [...slab.keys()]));
  if (names.size === 0 || looks.some(({ vmalloc }) => Number.isNaN(vmalloc))) {
    throw new Error(`the soak said:\n${text}`);
  }
  const slab = new Map([...names].map((name) => [name, least((look) => look.slab.get(name) ?? 0)]));
  return { slab, vmalloc: least(({ vmalloc }) => vmalloc) };
}

function readLook(text: string): Allocated {
  const slab = new Map<string, number>();
  for (const [, cache, caller, number] of text.matchAll(/^slab (\S+) (\S+) (\d+)$/gm)) {
    const name = `${cache} ${caller!.startsWith('0x') ? '?' : caller}`;
    slab.set(name, (slab.get(name) ?? 0) + Number(number));
  }
  return { slab, vmalloc: Number(/^vmalloc (\d+)$/m.exec(text)?.[1]) };
}
