// Which objects belong to the kernel: asked from kbuild itself. make reads a
// directory's Makefile the way a build would, with the kernel's configuration,
// and prints the lists that it ends up with; 15 ms a directory.

import { existsSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { machine } from '../../arch/index.js';
import { inParallel } from '../../base/parallel.js';
import { runTool } from '../../base/tool.js';
import type { Ui } from '../../base/ui.js';
import { moduleName } from '../../module/loaded-name.js';
import type { Kbuild } from './kbuild.js';

/** An object that is part of the kernel or of one of its modules. */
export interface KbuildObject {
  /** Relative to the tree: "virt/kvm/kvm_main.o". */
  readonly name: string;
  /** As kbuild calls it: "arch/x86/kvm/../../../virt/kvm/kvm_main.o". */
  readonly target: string;
}

/** An object with what kbuild's lists say of it. */
export interface ListedObject extends KbuildObject {
  /** The modules' names for kbuild: "net/sctp/sctp"; none for an object of the kernel proper. */
  readonly modules: readonly string[];
  /** What it is linked into: "vmlinux" or names of modules. */
  readonly owners: readonly string[];
}

interface Lists {
  readonly objects: readonly string[];
  /** Object → the modules that it is a part of; not there for the kernel proper's. */
  readonly modules: ReadonlyMap<string, readonly string[]>;
  readonly subdirectories: readonly string[];
}

// An object of a module, or the parts that scripts/Makefile.lib finds it to consist of.
const PARTS =
  '$(or $(call suffix-search, $(patsubst $(obj)/%,%,$m), .o, -objs -y -m),$(patsubst $(obj)/%,%,$m))';
const PRINT = [
  'ksplice-lists: ; @echo objects $(real-obj-y) $(real-obj-m) $(lib-y)',
  'echo subdirectories $(subdir-ym)',
  `echo modules $(foreach m,$(obj-m),$(foreach o,${PARTS},$(obj)/$o=$(basename $m)))`,
].join('; ');
const NO_LISTS: Lists = { objects: [], subdirectories: [], modules: new Map() };

/** Answers from kbuild's lists; each directory is read once. */
export class KbuildLists {
  private readonly read = new Map<string, Promise<Lists>>();
  private foreign: Promise<ListedObject[]> | undefined;

  constructor(
    private readonly kbuild: Kbuild,
    private readonly ui: Ui,
  ) {}

  /**
   * The object that a source file is compiled to.
   * @param source "net/sctp/input.c", or the object's own name
   * @returns undefined if this kernel's configuration leaves the file out, or
   *   if the file is compiled only as a part of others
   */
  async objectOf(source: string): Promise<ListedObject | undefined> {
    const name = source.replace(/\.[cSo]$/, '.o');
    // A Makefile may name objects of directories below that have none: fs/xfs.
    for (let above = dirname(name); above !== '.'; above = dirname(above)) {
      const lists = await this.lists(above);
      if (lists.objects.includes(name) && (await this.isReached(above))) {
        return { name, target: name, ...ownersIn(lists, name) };
      }
    }
    return (await this.elsewhere()).find((object) => object.name === name);
  }

  /** Whether the build makes a module of that name: "net/sctp/sctp". */
  async isModule(module: string): Promise<boolean> {
    const { modules } = await this.lists(dirname(module));
    return [...modules.values()].flat().includes(module);
  }

  /** Whether the build descends into a directory. */
  private async isReached(directory: string): Promise<boolean> {
    const parent = dirname(directory);
    // Named by the top and arch/x86 Makefiles in more ways than lists show: lib, arch/x86/pci.
    if (['.', 'arch', machine.tree.folder].includes(parent)) return true;
    // A Makefile may name a directory two levels down: obj-y += foo/bar/.
    for (let above = parent; ; above = dirname(above)) {
      const { subdirectories } = await this.lists(above);
      if (subdirectories.some((path) => normalize(path) === directory)) {
        return this.isReached(above);
      }
      if (above === '.') return false;
    }
  }

  /** Objects that a Makefile takes from another directory: virt/kvm, by arch/x86/kvm. */
  private elsewhere(): Promise<ListedObject[]> {
    this.foreign ??= this.findForeign();
    return this.foreign;
  }

  private async findForeign(): Promise<ListedObject[]> {
    const places = [
      machine.tree.folder,
      'block',
      'crypto',
      'drivers',
      'fs',
      'kernel',
      'lib',
      'mm',
      'net',
    ];
    const args = [
      '-rlE',
      '--include=Makefile',
      '--include=Kbuild',
      '--exclude-dir=um',
      '(^|[^.])\\.\\./|^-?include ',
      ...places,
    ];
    const { stdout } = await runTool('grep', args, {
      cwd: this.kbuild.tree,
      signal: this.ui.signal,
    });
    const directories = stdout.split('\n').filter(Boolean).map(dirname);
    const found = await inParallel(directories, this.kbuild.jobs, async (directory) => {
      const lists = await this.lists(directory);
      const foreign = lists.objects.filter((object) => object.includes('../'));
      if (foreign.length === 0 || !(await this.isReached(directory))) return [];
      return foreign.map((target) => {
        return { name: normalize(target), target, ...ownersIn(lists, target) };
      });
    });
    return found.flat();
  }

  private lists(directory: string): Promise<Lists> {
    let lists = this.read.get(directory);
    if (!lists) {
      lists = this.readLists(directory);
      this.read.set(directory, lists);
    }
    return lists;
  }

  private async readLists(directory: string): Promise<Lists> {
    const { tree, objects, headers } = this.kbuild;
    const rules = ['Kbuild', 'Makefile'].map((name) => join(tree, directory, name));
    // The top directory's Makefile is the whole build; its objects are in Kbuild.
    const usable = directory === '.' ? rules.slice(0, 1) : rules;
    if (!usable.some((file) => existsSync(file))) return NO_LISTS;
    const args = ['-rR', '-s', '-f', join(tree, 'scripts/Makefile.build'), `--eval=${PRINT}`];
    const exported = [...machine.tree.makeVariables, 'CONFIG_SHELL=/bin/sh', 'objtree=.'];
    const wanted = ['KBUILD_BUILTIN=1', 'KBUILD_MODULES=1', 'need-builtin=1', 'need-modorder=1'];
    const places = [`obj=${directory}`, `srctree=${tree}`, `srcroot=${tree}`, `VPATH=${tree}`];
    const result = await runTool(
      'make',
      [...args, ...places, ...exported, ...wanted, ...headers.makeVariables, 'ksplice-lists'],
      { cwd: objects, signal: this.ui.signal },
    );
    if (result.status !== 0) {
      // Some are fragments, read by another directory's Makefile: drivers/gpu/drm/amd/pm.
      this.ui.detail(`the Makefile of ${directory} cannot be read by itself`);
      return NO_LISTS;
    }
    const words = (name: string) => {
      const line = result.stdout.split('\n').find((text) => text.startsWith(`${name} `));
      return (line ?? '').split(' ').slice(1).filter(Boolean);
    };
    const modules = readModules(words('modules'));
    return { objects: words('objects'), subdirectories: words('subdirectories'), modules };
  }
}

/** @param words OBJECT=MODULE each */
function readModules(words: readonly string[]): Map<string, string[]> {
  const modules = new Map<string, string[]>();
  for (const word of words) {
    const [object = '', module = ''] = word.split('=');
    modules.set(object, [...(modules.get(object) ?? []), module]);
  }
  return modules;
}

function ownersIn(lists: Lists, object: string): Pick<ListedObject, 'owners' | 'modules'> {
  const modules = lists.modules.get(object) ?? [];
  return { modules, owners: modules.length > 0 ? modules.map(moduleName) : ['vmlinux'] };
}
