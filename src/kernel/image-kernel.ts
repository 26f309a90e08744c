// A RunningKernel made of files: vmlinux at its link addresses, and modules
// laid out beside it one after the other as they are asked for.

import { machine } from '../arch/index.js';
import { ElfObject } from '../elf/object.js';
import { Memory } from './memory.js';
import type { RunningKernel } from './running.js';
import { SymbolIndex } from './symbols.js';
import { layOut, type Room, type VirtualModule } from './virtual-module.js';
import type { Vmlinux } from './vmlinux.js';

/** A module's file, decompressed. */
export interface ModuleFile {
  /** For messages. */
  readonly path: string;
  readonly data: Buffer;
}

/** Where module files come from: a directory, or a package. */
export interface ModuleFiles {
  has(name: string): boolean;
  /** The decompressed file of a module, or undefined; `name` as `lsmod` shows it. */
  read(name: string): ModuleFile | undefined;
  /**
   * Has files ready for `read`, which decompresses others while nothing else can happen, or, in
   * a package, does not find them.
   * @throws KspliceError `bad-image`, `missing-tool`, `interrupted`
   */
  prepare?(names: readonly string[]): Promise<void>;
}

export class ImageKernel implements RunningKernel {
  readonly release: string;
  private readonly memory = new Memory();
  private readonly modules = new Map<string, VirtualModule | undefined>();
  private readonly room: Room;
  private readonly elsewhere = new SymbolIndex();
  private nextElsewhere = machine.memory.free;

  constructor(
    readonly origin: string,
    private readonly vmlinux: Vmlinux,
    private readonly files: ModuleFiles,
  ) {
    this.release = vmlinux.release;
    const perCpu = vmlinux.index.lookup('__per_cpu_end')[0] ?? 0n;
    this.room = { next: machine.memory.modules, nextPerCpu: perCpu };
  }

  read(address: bigint, length: number): Uint8Array | undefined {
    return this.vmlinux.memory.read(address, length) ?? this.memory.read(address, length);
  }

  lookup(name: string, module?: string): readonly bigint[] {
    if (module === 'vmlinux') return this.vmlinux.index.lookup(name);
    if (module !== undefined) return this.module(module)?.index.lookup(name) ?? [];
    const found = [...this.vmlinux.index.lookup(name)];
    for (const loaded of this.modules.values()) {
      if (loaded) found.push(...loaded.index.lookup(name));
    }
    found.push(...this.elsewhere.lookup(name));
    return found;
  }

  hasTarget(target: string): boolean {
    return target === 'vmlinux' || this.files.has(target);
  }

  /**
   * A module, laid out on first use.
   * @throws KspliceError `bad-image`, `bad-elf`
   */
  module(name: string): VirtualModule | undefined {
    if (!this.modules.has(name)) {
      const file = this.files.read(name);
      const laidOut =
        file &&
        layOut(name, new ElfObject(file.data, file.path), this.room, (symbol, weak) =>
          this.resolve(symbol, weak),
        );
      if (laidOut) this.memory.add(laidOut.regions);
      this.modules.set(name, laidOut);
    }
    return this.modules.get(name);
  }

  /**
   * A symbol that a module takes from outside: exported by the kernel, by a
   * module that is laid out, or else by one that is not: that gets an address
   * of its own, the same for everyone who uses the name.
   */
  private resolve(name: string, weak: boolean): bigint | undefined {
    const exported = this.vmlinux.exports.get(name);
    if (exported !== undefined) return exported;
    for (const module of this.modules.values()) {
      if (!module || module.index.lookup(`__ksymtab_${name}`).length === 0) continue;
      const [address] = module.index.lookup(name);
      if (address !== undefined) return address;
    }
    if (weak) return undefined;
    const [known] = this.elsewhere.lookup(name);
    if (known !== undefined) return known;
    const address = this.nextElsewhere;
    this.nextElsewhere += 16n;
    this.elsewhere.add(name, address);
    return address;
  }
}
