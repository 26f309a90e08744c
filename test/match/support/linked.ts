// A kernel for matching, made by the real linker from the objects under test:
// sections of several objects in a row, strings merged, relocations applied.
// Its memory can be written, as a booting kernel does with its own.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as C from '../../../src/elf/constants.js';
import { ElfObject } from '../../../src/elf/object.js';
import type { RunningKernel } from '../../../src/kernel/running.js';
import { symbolCommand } from '../../kmodsrc/kernel-interpreter.js';

/** Low enough for 32-bit absolute references. */
const TEXT = 0x10000000;
/** Symbols that no object defines are this far apart. */
const ELSEWHERE = 0x18000000;
const STEP = 0x1000;

interface Region {
  readonly start: bigint;
  readonly bytes: Buffer;
}

export class LinkedKernel implements RunningKernel {
  readonly origin = 'the linked test kernel';
  readonly release = 'test';
  readonly regions: Region[] = [];
  private readonly symbols = new Map<string, bigint[]>();
  /** All that makes the kernel what it is, as commands of test/kmodsrc/runner.c. */
  readonly script: string[] = [];

  /** @param objects in link order */
  constructor(objects: readonly Buffer[]) {
    const linked = link(objects);
    for (const { flags, addr, data } of linked.sections) {
      if (flags & C.SHF_ALLOC && data.length) {
        this.regions.push({ start: addr, bytes: Buffer.from(data) });
      }
    }
    for (const { name, type, value } of linked.symbols) {
      if (!name || type === C.STT_SECTION || type === C.STT_FILE) continue;
      const list = this.symbols.get(name) ?? [];
      if (!list.includes(BigInt(value))) list.push(BigInt(value));
      this.symbols.set(name, list);
    }
    for (const { start, bytes } of this.regions) {
      this.script.push(`region ${start.toString(16)} ${bytes.toString('hex')}`);
    }
    for (const [name, addresses] of this.symbols) this.scriptSymbol(name, addresses);
  }

  private scriptSymbol(name: string, addresses: readonly bigint[]): void {
    this.script.push(symbolCommand(name, addresses));
  }

  read(address: bigint, length: number): Uint8Array | undefined {
    for (const { start, bytes } of this.regions) {
      const at = Number(address - start);
      if (at >= 0 && at + length <= bytes.length) return bytes.subarray(at, at + length);
    }
    return undefined;
  }

  lookup(name: string, module?: string): readonly bigint[] {
    return module === undefined || module === 'vmlinux' ? (this.symbols.get(name) ?? []) : [];
  }

  hasTarget(target: string): boolean {
    return target === 'vmlinux';
  }

  /** The address of a symbol that there is once. */
  address(name: string): bigint {
    const [value, ...more] = this.lookup(name);
    if (value === undefined || more.length) throw new Error(`${name} is not there once`);
    return value;
  }

  /** Changes running memory; returns what was there. */
  poke(address: bigint, bytes: Uint8Array): Uint8Array {
    const place = this.read(address, bytes.length);
    if (!place) throw new Error(`nothing at ${address.toString(16)}`);
    const before = Uint8Array.from(place);
    place.set(bytes);
    this.script.push(`poke ${address.toString(16)} ${Buffer.from(bytes).toString('hex')}`);
    return before;
  }

  /** Changes kallsyms: all addresses of a name. */
  setSymbol(name: string, addresses: readonly bigint[]): void {
    this.symbols.set(name, [...addresses]);
    this.scriptSymbol(name, addresses);
  }
}

function link(objects: readonly Buffer[]): ElfObject {
  const folder = mkdtempSync(path.join(tmpdir(), 'ksplice-ts-test-'));
  try {
    const files = objects.map((object, index) => {
      const file = path.join(folder, `${index}.o`);
      writeFileSync(file, object);
      return file;
    });
    const stubs = undefinedNames(objects).map(
      (name, index) => `--defsym=${name}=0x${(ELSEWHERE + index * STEP).toString(16)}`,
    );
    const out = path.join(folder, 'kernel');
    const args = [`-Ttext=0x${TEXT.toString(16)}`, '-e', '0', '-o', out, ...stubs, ...files];
    execFileSync('ld', args, { stdio: 'pipe' });
    return new ElfObject(readFileSync(out), 'kernel');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function undefinedNames(objects: readonly Buffer[]): string[] {
  const defined = new Set<string>();
  const wanted = new Set<string>();
  for (const data of objects) {
    for (const { name, section, binding, shndx } of new ElfObject(data, 'object').symbols) {
      if (!name || binding === C.STB_LOCAL) continue;
      if (section || shndx === C.SHN_ABS) defined.add(name);
      else if (binding === C.STB_GLOBAL) wanted.add(name);
    }
  }
  return [...wanted].filter((name) => !defined.has(name));
}
