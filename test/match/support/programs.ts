// Programs from compiled fixtures, and programs as text for comparing.

import path from 'node:path';
import { ElfObject } from '../../../src/elf/object.js';
import type { TableSizes } from '../../../src/elf/tables.js';
import { type Generated, generateProgram } from '../../../src/match/generate.js';
import type { Field, Item, Program, Variant } from '../../../src/program/program.js';
import { compile } from '../../support/compile.js';

const fixtures = path.resolve(import.meta.dirname, '../../fixtures/match');

/** What test/fixtures/match/tables.h makes: the kernel's layout up to 6.2 … */
export const tables: TableSizes = {
  altInstr: 12,
  altInstrLength: 10,
  altReplacementLength: 11,
  bug: 12,
  bugLine: 8,
  exception: 12,
  jump: 16,
  staticCall: 8,
  paravirt: 16,
  orc: 6,
  dyndbg: 56,
  dyndbgLine: new Uint8Array(0),
};

/** … and that of later kernels, which have flags for alternatives and no paravirt table. */
export const flaggedTables: TableSizes = {
  ...tables,
  altInstr: 14,
  altInstrLength: 12,
  altReplacementLength: 13,
  paravirt: 0,
};

/** Compiles a fixture. */
export function fixture(name: string, flags: readonly string[] = []): Buffer {
  return compile(path.join(fixtures, name), flags);
}

export interface ProgramOptions {
  readonly replaced?: readonly string[];
  readonly tables?: TableSizes;
  readonly hasKallsyms?: (name: string) => boolean;
  readonly target?: string;
}

/** The program of some objects, by label. */
export function programOf(
  objects: Record<string, Buffer>,
  options: ProgramOptions = {},
): Generated {
  return generateProgram({
    objects: Object.entries(objects).map(([label, data]) => {
      const object = new ElfObject(data, label);
      const has = (name: string) =>
        object.symbols.some((symbol) => symbol.name === name && symbol.section);
      return { object, label, replaced: new Set(options.replaced?.filter(has)) };
    }),
    target: options.target ?? 'vmlinux',
    hasKallsyms: options.hasKallsyms ?? (() => true),
    tables: options.tables ?? tables,
    cookie: 1n,
  });
}

/** Items of a function: "+0x5 site", then a line for each form; "+0x5 reloc" and what it is about. */
export function showItems(program: Program, name: string): string[] {
  const span = program.spans.find((one) => one.name === name);
  if (!span) throw new Error(`no span ${name}`);
  return span.items.flatMap((item) => showItem(program, item));
}

function showItem(program: Program, item: Item): string[] {
  const at = `+0x${item.offset.toString(16)}`;
  if (item.kind === 'reloc') return [`${at} reloc ${showField(program, item.field)}`];
  return [`${at} site`, ...item.variants.map((variant) => `  ${showVariant(program, variant)}`)];
}

/** Bytes in hex, with each field in place of its bytes. */
export function showVariant(program: Program, variant: Variant): string {
  let text = '';
  let at = 0;
  const hex = (end: number) => Buffer.from(variant.bytes.subarray(at, end)).toString('hex');
  for (const field of variant.fields) {
    text += hex(field.offset) + showField(program, field);
    at = field.offset + field.width;
  }
  return text + hex(variant.bytes.length);
}

/** "<4 rel printk-4>": four bytes, relative, what they lead to. */
function showField(program: Program, field: Field): string {
  const how = `${field.width}${field.pcrel ? ' rel' : ''}`;
  const { addend } = field;
  const offset = addend === 0 ? '' : addend > 0 ? `+${addend}` : `${addend}`;
  if (field.free) return `<${how} any>`;
  return `<${how} ${program.keys[field.key]!.label}${offset}>`;
}

/** An assembled object for each kind of patch site, and one in which they overlap. */
export const siteFixtures = [
  'ftrace.S',
  'jump-label.S',
  'static-call.S',
  'return.S',
  'retpoline.S',
  'lock.S',
  'paravirt.S',
  'alternative.S',
  'overlap.S',
  'endbr.S',
];
