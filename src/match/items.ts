// The items of a span: its sites, and the relocations between them.

import type { Section } from '../elf/object.js';
import type { Item } from '../program/program.js';
import type { ObjectCode } from './code.js';
import type { PatchedCode } from './overlay.js';

/** What may differ in [start, end) of a code section; offsets from `start`. */
export function codeItems(
  code: ObjectCode,
  patched: PatchedCode,
  section: Section,
  start: number,
  end: number,
): Item[] {
  const items: Item[] = [];
  let at = start;
  for (const cluster of patched.clustersIn(section, start, end)) {
    if (cluster.start < start || cluster.end > end) {
      const place = `${section.name}+0x${cluster.start.toString(16)}`;
      throw code.unsupported(
        `the code that the kernel rewrites at ${place} crosses the end of a function`,
      );
    }
    items.push(...relocationItems(code, section, at, cluster.start, start));
    items.push({
      kind: 'site',
      offset: cluster.start - start,
      length: cluster.end - cluster.start,
      variants: patched.forms(section, cluster.start, cluster.end),
    });
    at = cluster.end;
  }
  items.push(...relocationItems(code, section, at, end, start));
  return items;
}

/** The relocations of [start, end); offsets from `base`. */
export function relocationItems(
  code: ObjectCode,
  section: Section,
  start: number,
  end: number,
  base: number,
): Item[] {
  return code.fields(section, start, end).map((field) => ({
    kind: 'reloc',
    offset: field.offset + start - base,
    length: field.width,
    field: { ...field, offset: 0 },
  }));
}
