// The old code of a target: the spans of its match program, which hold every
// function as built, and say of each number that is filled in what it is about.

import { machine } from '../arch/index.js';
import type { SiteItem } from '../arch/machine.js';
import { JUMP_LABEL } from '../arch/site.js';
import type { Field, Item, Program, Span } from '../program/program.js';
import { type Code, type CodeReference, type Note, quoteData, type Referent } from './code.js';

/** A name for the place at a distance from a key's value. */
export type PlaceNames = (key: number, offset: number) => Referent | undefined;

/** Reads spans as code. */
export class OldCode {
  private readonly byKey = new Map<number, Span[]>();

  /** @param names for data that no span describes: what the new code calls it */
  constructor(
    readonly program: Program,
    private readonly names: PlaceNames,
  ) {
    for (const span of program.spans) {
      const list = this.byKey.get(span.key);
      if (list) list.push(span);
      else this.byKey.set(span.key, [span]);
    }
  }

  code(span: Span): Code {
    const notes = new Map<number, Note>();
    for (const item of span.items) {
      if (item.kind === 'site') notes.set(item.offset, this.note(item));
    }
    return {
      name: span.name,
      bytes: span.bytes,
      references: span.items.flatMap((item) => this.references(item)),
      notes,
      outside: (offset) => this.inSpan(span.key, span.offset + offset),
    };
  }

  private note(site: SiteItem): Note {
    const text = machine.sites.mechanismOf(site, this.program);
    if (text !== JUMP_LABEL) return { text };
    // It was built as a jump or as a no-op; one of its forms is the jump.
    const jump = site.variants.flatMap(({ fields }) => fields).find(({ free }) => !free);
    return jump ? { text, leadsTo: this.referent(jump, jump.width) } : { text };
  }

  private references(item: Item): CodeReference[] {
    // The first form of a site is the one that was built.
    const fields = item.kind === 'reloc' ? [item.field] : (item.variants[0]?.fields ?? []);
    return fields
      .filter(({ free }) => !free)
      .map((field) => ({
        offset: item.offset + field.offset,
        width: field.width,
        pcrel: field.pcrel,
        referent: (rest) => this.referent(field, rest),
      }));
  }

  private referent({ key, addend }: Field, rest: number): Referent {
    const offset = addend + rest;
    const { name, label } = this.program.keys[key]!;
    // A name of its own; that of a section's first symbol says nothing about the others in it.
    if (name !== '' && name === label) return { name, offset, isCode: false };
    const known = this.names(key, offset) ?? this.inSpan(key, offset);
    if (known) return known;
    if (name !== '' && offset === 0) return { name, offset, isCode: false };
    return { name: label, offset, isCode: false };
  }

  private inSpan(key: number, offset: number): Referent | undefined {
    const span = this.byKey
      .get(key)
      ?.find((one) => offset >= one.offset && offset < one.offset + one.bytes.length);
    if (!span) return undefined;
    if (span.name !== '') {
      return {
        name: span.name,
        offset: offset - span.offset,
        isCode: isFunction(span, this.program),
      };
    }
    const text = quoteData(sectionOf(span, this.program), span.bytes, offset - span.offset);
    return text === undefined ? undefined : { name: text, offset: 0, isCode: false };
  }
}

/** Whether a span holds code: only the name of its input section tells. */
export function isFunction(span: Span, program: Program): boolean {
  if (span.name === '') return false;
  return !/^\.(ro)?data|^\.bss|^__ksymtab/.test(sectionOf(span, program));
}

/** The name of a span's input section. */
function sectionOf({ key, label }: Span, program: Program): string {
  // "net/sctp/input.o .rodata.str1.1+0x20"
  return program.keys[key]!.label.slice(label.length + 1).replace(/\+0x[0-9a-f]+$/, '');
}
