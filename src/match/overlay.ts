// Sites overlap: a paravirt call inside an alternative, a lock prefix in
// either. All forms of such a place follow from replaying what the kernel
// does, mechanism by mechanism, each of which may act or not.

import { machine } from '../arch/index.js';
import type { Site } from '../arch/site.js';
import { firstNotBefore } from '../base/sorted.js';
import type { Section } from '../elf/object.js';
import type { Field, Variant } from '../program/program.js';
import type { ObjectCode } from './code.js';

/** A stretch of a section in which all sites overlap, and nothing crosses its ends. */
export interface Cluster {
  readonly start: number;
  readonly end: number;
  /** In patching order. */
  readonly sites: readonly Site[];
}

/** More forms of one place than this cannot be told apart sensibly. */
const MAX_FORMS = 256;

/** An object's code with everything that the kernel may do to it. */
export class PatchedCode {
  private readonly clusters = new Map<number, Cluster[]>();

  constructor(private readonly code: ObjectCode) {
    const bySection = new Map<number, Site[]>();
    for (const site of machine.sites.collect(code, (...range) => this.forms(...range))) {
      const list = bySection.get(site.section.index);
      if (list) list.push(site);
      else bySection.set(site.section.index, [site]);
    }
    for (const [index, sites] of bySection) {
      this.clusters.set(index, this.cluster(code.object.sections[index]!, sites));
    }
  }

  /** The clusters that touch [start, end) of a section, ascending. */
  clustersIn(section: Section, start: number, end: number): Cluster[] {
    const all = this.clusters.get(section.index) ?? [];
    const first = firstNotBefore(all, (cluster) => cluster.end <= start);
    let last = first;
    while (last < all.length && all[last]!.start < end) last++;
    return all.slice(first, last);
  }

  /** All forms of a stretch of code; the first is the code as built. */
  forms(section: Section, start: number, end: number): Variant[] {
    const sites = this.clustersIn(section, start, end).flatMap((cluster) => cluster.sites);
    const built = this.code.built(section, start, end);
    const forms = new FormSet(this.code, section, start, built);
    for (const site of sites) {
      const at = site.offset - start;
      // A site that reaches beyond what is asked for cannot be rewritten in part.
      if (at < 0 || site.offset + site.length > end) continue;
      forms.rewrite(site, at, slice(built, at, at + site.length), this.code);
    }
    return forms.list;
  }

  private cluster(section: Section, sites: Site[]): Cluster[] {
    const order = new Map(sites.map((site, index) => [site, index]));
    const sorted = [...sites].sort((a, b) => a.offset - b.offset);
    const clusters: Cluster[] = [];
    let members: Site[] = [];
    let start = 0;
    let end = -1;
    const close = () => {
      members.sort((a, b) => order.get(a)! - order.get(b)!);
      if (members.length) clusters.push({ start, end, sites: members });
    };
    for (const site of sorted) {
      if (site.offset >= end) {
        close();
        members = [];
        start = site.offset;
      }
      members.push(site);
      end = Math.max(end, this.endOf(section, site));
    }
    close();
    return clusters;
  }

  /** The end of a site, or of a relocated number that reaches beyond it. */
  private endOf(section: Section, site: Site): number {
    const end = site.offset + site.length;
    this.code.bytes(section, site.offset, end);
    const last = this.code.relocations(section, site.offset, end).at(-1);
    return last ? Math.max(end, last.offset + this.code.field(last, 0).width) : end;
  }
}

/** The forms of one place, each once, in the order in which they came up. */
class FormSet {
  readonly list: Variant[] = [];
  private readonly seen = new Set<string>();

  constructor(
    private readonly code: ObjectCode,
    private readonly section: Section,
    private readonly start: number,
    built: Variant,
  ) {
    this.add(built);
  }

  rewrite(site: Site, at: number, built: Variant, code: ObjectCode): void {
    const end = at + site.length;
    const original = formId(built);
    const before = [...this.list];
    for (const written of site.forms()) {
      for (const form of before) {
        if (site.overwrites || formId(slice(form, at, end)) === original) {
          this.add(splice(form, at, written));
        }
      }
    }
    if (site.mergesNops) {
      for (const form of [...this.list])
        this.add(machine.sites.mergeNops(code.tables, form, at, end));
    }
  }

  private add(form: Variant): void {
    const id = formId(form);
    if (this.seen.has(id)) return;
    this.seen.add(id);
    this.list.push(form);
    if (this.list.length > MAX_FORMS) {
      const at = `${this.section.name}+0x${this.start.toString(16)}`;
      throw this.code.unsupported(`the kernel may rewrite ${at} in too many ways`);
    }
  }
}

function slice(form: Variant, start: number, end: number): Variant {
  const fields = form.fields
    .filter((field) => field.offset >= start && field.offset + field.width <= end)
    .map((field) => ({ ...field, offset: field.offset - start }));
  return { bytes: form.bytes.slice(start, end), fields };
}

function splice(form: Variant, at: number, written: Variant): Variant {
  const end = at + written.bytes.length;
  const bytes = form.bytes.slice();
  bytes.set(written.bytes, at);
  const kept = form.fields.filter(
    (field) => field.offset + field.width <= at || field.offset >= end,
  );
  const moved = written.fields.map((field) => ({ ...field, offset: field.offset + at }));
  return { bytes, fields: [...kept, ...moved].sort((a, b) => a.offset - b.offset) };
}

function formId(form: Variant): string {
  const fields = form.fields.map(fieldId).join(' ');
  return `${Buffer.from(form.bytes).toString('latin1')} ${fields}`;
}

function fieldId(field: Field): string {
  const { offset, width, pcrel, signed, free, key, addend } = field;
  return `${offset}.${width}.${+pcrel}${+signed}${+free}.${free ? '' : key}.${addend}`;
}
