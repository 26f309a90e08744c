// Compiles a fixture twice, before and after its patch (-DPOST, and all lines
// moved by three as patches do), and puts a diff into words that an expectation
// can name.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { diffObjects } from '../../src/diff/index.js';
import type { ObjectDiff, ResolvedRelocation } from '../../src/diff/object-diff.js';
import { ElfObject, type Section } from '../../src/elf/object.js';
import { inferTableSizes } from '../../src/elf/tables.js';
import { compile, sectionFlags } from '../support/compile.js';

export const fixtures = path.resolve(import.meta.dirname, '../fixtures/diff');

/** Pre and post object files of a fixture: "static-locals.c". */
export function compileBytes(
  file: string,
  more: readonly string[] = [],
): [pre: Buffer, post: Buffer] {
  const source = path.join(fixtures, file);
  const flags = [...sectionFlags, `-I${fixtures}`, ...more];
  const pre = compile(source, flags);
  const folder = mkdtempSync(path.join(tmpdir(), 'ksplice-ts-test-'));
  try {
    const moved = path.join(folder, file);
    writeFileSync(moved, `#line 4 "${source}"\n${readFileSync(source, 'utf8')}`);
    return [pre, compile(moved, [...flags, '-DPOST'])];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The same, read. */
export function compilePair(
  file: string,
  more: readonly string[] = [],
): [pre: ElfObject, post: ElfObject] {
  const [pre, post] = compileBytes(file, more);
  return [new ElfObject(pre, `${file} pre`), new ElfObject(post, `${file} post`)];
}

/** The diff of a fixture, compiled with more flags if any are given. */
export function diffFixture(file: string, more: readonly string[] = []): ObjectDiff {
  const [pre, post] = compilePair(file, more);
  return diffObjects(pre, post, file, inferTableSizes([pre, post]));
}

/** "running helper-4": where a relocation leads. */
export function inWords({ to, symbol, addend }: ResolvedRelocation): string {
  const name = symbol.name || (symbol.section?.name ?? '?');
  return `${to} ${name}${addend < 0 ? '' : '+'}${addend}`;
}

/** The relocations of the kept section or table of that name. */
export function relocationsOf(diff: ObjectDiff, name: string): string[] {
  const sections: Section[] = [...diff.kept, ...diff.entries.map((entry) => entry.table)];
  return sections
    .filter((section) => section.name === name)
    .flatMap((section) => diff.relocations(section).map(inWords));
}

/** Relocations of the new code whose target is not where they say; there must be none. */
export function strayRelocations(diff: ObjectDiff): string[] {
  const tables = diff.entries.map((entry) => entry.table);
  const present = new Set<Section>([...diff.kept, ...tables]);
  const inPre = new Set(diff.pre.symbols);
  return [...present].flatMap((section) =>
    diff
      .relocations(section)
      .filter(({ to, symbol }) => {
        if (to === 'external') return symbol.section !== undefined;
        if (to === 'running') return !inPre.has(symbol) || symbol.section === undefined;
        return !symbol.section || !present.has(symbol.section);
      })
      .map((relocation) => `${section.name}+${relocation.offset}: ${inWords(relocation)}`),
  );
}
