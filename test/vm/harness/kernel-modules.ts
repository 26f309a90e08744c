// The modules of a test kernel, by the lists that depmod and kbuild leave beside them
// (modules.dep, modules.builtin: depmod(8), Documentation/kbuild/kbuild.rst).

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { modulesDirectory, type TestKernel } from '../../kernels/kernel.js';

export class KernelModules {
  private constructor(
    private readonly kernel: TestKernel,
    /** By path, the paths of all that it needs, as in modules.dep. */
    private readonly dependencies: ReadonlyMap<string, readonly string[]>,
    private readonly builtin: ReadonlySet<string>,
  ) {}

  static async of(kernel: TestKernel): Promise<KernelModules> {
    const directory = modulesDirectory(kernel);
    const dependencies = parseModulesDep(await readFile(join(directory, 'modules.dep'), 'utf8'));
    const builtin = await readFile(join(directory, 'modules.builtin'), 'utf8');
    return new KernelModules(kernel, dependencies, new Set(builtin.split('\n').map(moduleName)));
  }

  /** Whether the kernel has it, be it as a module or built in. */
  has(name: string): boolean {
    return this.builtin.has(name) || this.pathOf(name) !== undefined;
  }

  /**
   * The files of `names` and of all they depend on, dependencies first; nothing for what is built in.
   * @throws Error if the kernel does not have one
   */
  inLoadOrder(names: readonly string[]): string[] {
    const ordered = new Set<string>();
    for (const name of names) {
      const path = this.pathOf(name);
      if (path === undefined) {
        if (this.builtin.has(name)) continue;
        throw new Error(`kernel ${this.kernel.release} has no module ${name}`);
      }
      // modprobe loads the dependencies of a line from the last to the first.
      for (const needed of (this.dependencies.get(path) ?? []).toReversed()) ordered.add(needed);
      ordered.add(path);
    }
    return [...ordered].map((path) => join(modulesDirectory(this.kernel), path));
  }

  private pathOf(name: string): string | undefined {
    return [...this.dependencies.keys()].find((path) => moduleName(path) === name);
  }
}

function parseModulesDep(text: string): Map<string, string[]> {
  const lines = text.split('\n').filter((line) => line.includes(':'));
  return new Map(
    lines.map((line) => {
      const [path = '', needed = ''] = line.split(':');
      return [path, needed.split(' ').filter(Boolean)];
    }),
  );
}

/** A module's name as the kernel has it: `kernel/fs/9p/9p.ko` is `9p`. */
function moduleName(path: string): string {
  return path
    .slice(path.lastIndexOf('/') + 1)
    .replace(/\.ko(\.\w+)?$/, '')
    .replaceAll('-', '_');
}
