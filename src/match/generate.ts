// Makes the match program of one target from its objects as the distribution
// built them: every function that stays in memory, then the read-only data and
// strings that their code refers to, and what those refer to in turn.

import { KspliceError } from '../base/errors.js';
import { coldParent } from '../diff/names.js';
import * as C from '../elf/constants.js';
import type { ElfObject, Section } from '../elf/object.js';
import type { TableSizes } from '../elf/tables.js';
import type { Item, Program, Span } from '../program/program.js';
import { ObjectCode } from './code.js';
import { type FunctionCode, functionsOf, isDiscarded } from './functions.js';
import { codeItems, relocationItems } from './items.js';
import { type KeyedPlace, KeyTable, type MergedEntry, ObjectKeys } from './keys.js';
import { PatchedCode } from './overlay.js';

/** One object of the target, as the distribution built it. */
export interface MatchedObject {
  readonly object: ElfObject;
  /** The object file in the build tree: "net/sctp/input.o". */
  readonly label: string;
  /** Names of the functions that the update replaces. */
  readonly replaced: ReadonlySet<string>;
  /** Names of the read-only data that the update writes over. */
  readonly written?: ReadonlySet<string>;
}

export interface GenerateInput {
  readonly objects: readonly MatchedObject[];
  /** "vmlinux" or the name of a module. */
  readonly target: string;
  /** Whether the running kernel's symbol table has a name. */
  hasKallsyms(name: string): boolean;
  readonly tables: TableSizes;
  readonly cookie: bigint;
}

export interface Generated {
  readonly program: Program;
  /** Index of the span of a function, by any of its names, or of data that is written over. */
  spanOf(label: string, name: string): number | undefined;
  /**
   * What to add to the value of which key for the address of an object's
   * symbol; undefined if the old code does not refer to it.
   */
  keyOf(label: string, symbolName: string): KeyedPlace | undefined;
}

/**
 * @throws KspliceError `unsupported-object` if an object has code that the
 *   kernel rewrites in a way that is not understood
 */
export function generateProgram(input: GenerateInput): Generated {
  const table = new KeyTable((name) => input.hasKallsyms(name));
  const spans: Span[] = [];
  const objects = new Map<string, ObjectSpans>();
  for (const matched of input.objects) {
    const object = new ObjectSpans(matched, input, table, spans);
    object.addFunctions();
    object.addWritten();
    object.addData();
    objects.set(matched.label, object);
  }
  return {
    program: { cookie: input.cookie, keys: table.keys, spans },
    spanOf: (label, name) => objects.get(label)?.named.get(name),
    keyOf: (label, name) => objects.get(label)?.keyOf(name),
  };
}

/** Read-only data that the link of the kernel or module fills in. */
const FILLED_IN_LATER = new Set(['.BTF_ids']);

/** Read-only data that something refers to. */
interface PendingData {
  readonly key: number;
  readonly section: Section;
  readonly offset: number;
  readonly length: number;
}

class ObjectSpans {
  /** Span index by every name of each function, and of data that is written over. */
  readonly named = new Map<string, number>();
  private readonly keys: ObjectKeys;
  private readonly code: ObjectCode;
  private readonly patched: PatchedCode;
  private readonly pending: PendingData[] = [];

  constructor(
    private readonly matched: MatchedObject,
    private readonly input: GenerateInput,
    table: KeyTable,
    private readonly spans: Span[],
  ) {
    const { object, label } = matched;
    this.keys = new ObjectKeys(table, object, label, (key, section, entry) =>
      this.noteData(key, section, entry),
    );
    this.code = new ObjectCode(object, this.keys, input.tables);
    this.patched = new PatchedCode(this.code);
  }

  addFunctions(): void {
    const { object, replaced, label } = this.matched;
    const { target } = this.input;
    const hasKallsyms = (name: string) => this.input.hasKallsyms(name);
    for (const code of functionsOf(object, target, replaced, hasKallsyms)) {
      const index = this.spans.push(this.functionSpan(code, hasKallsyms)) - 1;
      for (const name of code.names) this.named.set(name, index);
    }
    for (const name of replaced) {
      if (this.named.has(name)) continue;
      throw new KspliceError(
        'unsupported-object',
        `${label}: ${name} is not a function with a size`,
        {
          advice: 'Code without a proper function symbol cannot be found in the running kernel.',
        },
      );
    }
  }

  private functionSpan(code: FunctionCode, hasKallsyms: (name: string) => boolean): Span {
    const { section, offset, size, name } = code;
    // A replaced function takes its cold part with it.
    const replaced = code.names.some((alias) =>
      this.matched.replaced.has(coldParent(alias) ?? alias),
    );
    return {
      name,
      label: this.matched.label,
      // A module has all its functions in kallsyms. One of the kernel proper that is
      // not there is found by the others of its section.
      search: this.input.target !== 'vmlinux' || hasKallsyms(name),
      // What the update replaces must be what runs, whatever the linker could have chosen.
      weak: code.weak && !replaced,
      replaced,
      key: this.keys.section(section),
      offset,
      bytes: this.code.bytes(section, offset, offset + size),
      items: codeItems(this.code, this.patched, section, offset, offset + size),
    };
  }

  /** The data that the update writes over: it is looked for like a replaced function. */
  addWritten(): void {
    const { object, written = [], label } = this.matched;
    for (const name of written) {
      const symbol = object.symbols.find((one) => one.name === name && one.section && one.size > 0);
      if (!symbol?.section) {
        throw new KspliceError('unsupported-object', `${label}: ${name} is no data with a size`, {
          advice: 'Data without a symbol of its own cannot be found in the running kernel.',
        });
      }
      const { section, value, size } = symbol;
      const span: Span = {
        name,
        label,
        search: this.input.hasKallsyms(name),
        weak: false,
        replaced: true,
        key: this.keys.section(section),
        offset: value,
        bytes: this.code.bytes(section, value, value + size),
        items: relocationItems(this.code, section, value, value + size, value),
      };
      this.named.set(name, this.spans.push(span) - 1);
    }
  }

  /** Read-only data, until nothing new is referred to. */
  addData(): void {
    for (let data = this.pending.shift(); data; data = this.pending.shift()) {
      const { key, section, offset, length } = data;
      const end = offset + length;
      const items: Item[] = relocationItems(this.code, section, offset, end, offset);
      this.spans.push({
        name: '',
        label: this.matched.label,
        search: false,
        weak: false,
        replaced: false,
        key,
        offset: 0,
        bytes: this.code.bytes(section, offset, end),
        items,
      });
    }
  }

  private noteData(key: number, section: Section, entry: MergedEntry | undefined): void {
    const { flags } = section;
    const readOnly = flags & C.SHF_ALLOC && !(flags & (C.SHF_WRITE | C.SHF_EXECINSTR));
    if (!readOnly || section.data.length === 0) return;
    if (isDiscarded(section) || FILLED_IN_LATER.has(section.name)) return;
    const { offset, length } = entry ?? { offset: 0, length: section.data.length };
    this.pending.push({ key, section, offset, length });
  }

  keyOf(name: string): KeyedPlace | undefined {
    const candidates = this.matched.object.symbols.filter((symbol) => symbol.name === name);
    const symbol = candidates.find((one) => one.section) ?? candidates[0];
    return symbol && this.keys.known(symbol);
  }
}
