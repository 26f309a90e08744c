// The new code refers to symbols of the running kernel that the module loader
// finds by name and position when the module is loaded. Here the module is
// laid out as the loader would, with that kernel's symbols, and every place
// that struct ksplice_ref names is compared with what run-pre matching found
// out about the same symbol: what the core does before it switches.

import { machine } from '../arch/index.js';
import * as C from '../elf/constants.js';
import type { ElfObject } from '../elf/object.js';
import { Memory } from '../kernel/memory.js';
import type { RunningKernel } from '../kernel/running.js';
import { layOut, type Room } from '../kernel/virtual-module.js';
import { fieldValue } from '../match/compare.js';
import type { MatchResult } from '../match/interpret.js';
import { readKlpSymbolName } from '../module/livepatch.js';
import { plainName } from '../module/new-code-names.js';
import { FIELD_PCREL, FIELD_SIGNED } from '../program/layout.js';
import type { Program } from '../program/program.js';
import { isNewCodeModule } from '../update/contents.js';
import { NEW_CODE, REF } from '../update/new-code.js';

/** What came of one target's new code. */
export interface NewCodeResult {
  /** Symbols that the loader finds by name and position in this kernel. */
  readonly symbols: number;
  /** Places whose contents agree with run-pre matching. */
  readonly agreeing: number;
  /** What does not, a sentence each. */
  readonly faults: readonly string[];
}

/**
 * @param object the new-code module of the target
 * @param result of matching the target's program with the same kernel
 * @throws KspliceError `bad-elf`, `bad-image` for a module that cannot be loaded
 */
export function checkNewCode(
  object: ElfObject,
  program: Program,
  result: MatchResult,
  kernel: RunningKernel,
): NewCodeResult {
  const faults: string[] = [];
  const resolver = new Resolver(kernel, faults);
  for (const symbol of object.symbols) {
    if (symbol.shndx === C.SHN_LIVEPATCH) resolver.livepatch(symbol.name);
  }
  const symbols = resolver.found;
  if (faults.length > 0) return { symbols, agreeing: 0, faults };

  const loaded = new LoadedCode(object, (name) => resolver.resolve(name));
  const code = loaded.newCode();
  if (!code) return { symbols, agreeing: 0, faults: [`${object.name} registers no new code`] };
  if (code.cookie !== program.cookie) {
    return { symbols, agreeing: 0, faults: [`${object.name} was not made with the match program`] };
  }
  let agreeing = 0;
  for (const ref of code.refs) {
    const fault = compare(ref, loaded, program, result, kernel);
    if (fault === undefined) agreeing++;
    else faults.push(fault);
  }
  return { symbols, agreeing, faults };
}

interface LoadedRef {
  readonly place: bigint;
  readonly addend: bigint;
  readonly key: number;
  readonly width: number;
  readonly flags: number;
}

/** The reason why a place does not hold its key's value, or undefined. */
function compare(
  ref: LoadedRef,
  loaded: LoadedCode,
  program: Program,
  result: MatchResult,
  kernel: RunningKernel,
): string | undefined {
  const key = program.keys[ref.key];
  const { width } = ref;
  const bytes = width === 4 || width === 8 ? loaded.memory.read(ref.place, width) : undefined;
  if (!key || !bytes) return 'a reference in the new code cannot be read';
  const field = {
    offset: 0,
    width: width === 4 ? 4 : 8,
    pcrel: (ref.flags & FIELD_PCREL) !== 0,
    signed: (ref.flags & FIELD_SIGNED) !== 0,
    free: false,
    key: ref.key,
    addend: Number(ref.addend),
  } as const;
  const value = fieldValue(field, bytes, 0, ref.place);
  const inferred = result.values[ref.key];
  const name = key.name || key.label;
  if (inferred !== undefined) {
    if (inferred === value) return undefined;
    return `the loader would bind ${name} to ${hex(value)}, but the running code uses ${hex(inferred)}`;
  }
  if (!key.kallsyms || kernel.lookup(key.name).includes(value)) return undefined;
  return `the loader would bind ${name} to ${hex(value)}, but kallsyms does not have the name there`;
}

const hex = (value: bigint): string => `0x${value.toString(16)}`;

/** Symbols as the module loader finds them. */
class Resolver {
  private readonly livepatched = new Map<string, bigint>();
  private readonly others = new Map<string, bigint>();
  /** How many symbols are in updates below that are not applied in this kernel. */
  private below = 0;

  constructor(
    private readonly kernel: RunningKernel,
    private readonly faults: string[],
  ) {}

  /** How many livepatch symbols were found. */
  get found(): number {
    return this.livepatched.size - this.below;
  }

  /** klp_find_object_symbol() in kernel/livepatch/core.c. */
  livepatch(name: string): void {
    const wanted = readKlpSymbolName(name);
    if (!wanted) {
      this.faults.push(`the new code has a symbol with a malformed name, ${name}`);
      return;
    }
    const { object, name: symbol, position: index } = wanted;
    // What an update below added: its module is there when this one is loaded, not in an image.
    if (isNewCodeModule(object) && !this.kernel.hasTarget(object)) {
      this.livepatched.set(name, this.elsewhere(name));
      this.below++;
      return;
    }
    const all = this.kernel.lookup(symbol, object);
    const address = index > 0 ? all[index - 1] : all.length === 1 ? all[0] : undefined;
    const plain = plainName(symbol);
    if (address !== undefined) this.livepatched.set(name, address);
    else if (index === 0 && all.length > 1) this.faults.push(`${plain} of ${object} is ambiguous`);
    else
      this.faults.push(
        `${object} has ${all.length} symbols ${plain}, and the new code needs number ${index}`,
      );
  }

  resolve(name: string): bigint {
    return this.livepatched.get(name) ?? this.exported(name) ?? this.elsewhere(name);
  }

  /** Through the table entry where there is one: the name may be a static symbol's as well. */
  private exported(name: string): bigint | undefined {
    for (const entry of this.kernel.lookup(`__ksymtab_${name}`)) {
      const offset = this.kernel.read(entry, 4);
      if (offset) return entry + BigInt(Buffer.from(offset).readInt32LE());
    }
    return this.kernel.lookup(name)[0];
  }

  /** What modules export that are not loaded here, such as the core. No ref leads there. */
  private elsewhere(name: string): bigint {
    let address = this.others.get(name);
    if (address === undefined) {
      address = machine.memory.newCodeFree + 16n * BigInt(this.others.size);
      this.others.set(name, address);
    }
    return address;
  }
}

/** The module as memory. */
class LoadedCode {
  readonly memory = new Memory();
  private readonly structs: readonly bigint[];

  constructor(object: ElfObject, resolve: (name: string) => bigint) {
    const room: Room = { next: machine.memory.newCode, nextPerCpu: 0n };
    const module = layOut(object.name, object, room, resolve);
    this.memory.add(module.regions);
    // Kept code may have something of that name; the template's is as long as the struct.
    this.structs = object.symbols
      .filter(({ name, size, section }) => name === 'new_code' && size === NEW_CODE.size && section)
      .map(({ section, value }) => (module.placeOf(section!) ?? 0n) + BigInt(value));
  }

  newCode(): { cookie: bigint; refs: LoadedRef[] } | undefined {
    for (const address of this.structs) {
      const bytes = this.memory.read(address, NEW_CODE.size);
      if (!bytes) continue;
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      const count = view.getUint32(NEW_CODE.nRefs, true);
      const refs = this.refs(view.getBigUint64(NEW_CODE.refs, true), count);
      if (refs) return { cookie: view.getBigUint64(NEW_CODE.cookie, true), refs };
    }
    return undefined;
  }

  private refs(address: bigint, count: number): LoadedRef[] | undefined {
    if (count === 0) return [];
    const bytes = this.memory.read(address, count * REF.size);
    if (!bytes) return undefined;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    return Array.from({ length: count }, (_, index) => {
      const at = index * REF.size;
      return {
        place: view.getBigUint64(at + REF.place, true),
        addend: view.getBigInt64(at + REF.addend, true),
        key: view.getUint32(at + REF.key, true),
        width: view.getUint8(at + REF.width),
        flags: view.getUint8(at + REF.flags),
      };
    });
  }
}
