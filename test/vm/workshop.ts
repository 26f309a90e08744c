// Where a test makes its updates: a folder of its own with a configuration directory, from which
// each patch becomes an update.

import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestKernel } from '../kernels/kernel.js';
import { configure, ksplice, ROOT } from './ksplice.js';

export class Workshop {
  private constructor(readonly folder: string) {}

  /** An empty one for this kernel, in `.work/NAME`; nobody else may have that name. */
  static async open(kernel: TestKernel, name: string): Promise<Workshop> {
    const workshop = new Workshop(join(ROOT, '.work', name));
    await rm(workshop.folder, { recursive: true, force: true });
    await mkdir(workshop.folder, { recursive: true });
    await configure(kernel, workshop.confdir);
    return workshop;
  }

  get confdir(): string {
    return join(this.folder, 'conf');
  }

  /**
   * Has the tool create an update.
   * @param patch the text of the patch
   * @param words further ones for `create`
   * @returns the archive
   */
  async create(id: string, patch: string, ...words: string[]): Promise<string> {
    const file = join(this.folder, `${id}.patch`);
    await writeFile(file, patch);
    const args = ['--patch', file, '--config', this.confdir, '--id', id];
    await ksplice(['create', ...args, '--output', this.folder, ...words]);
    return join(this.folder, `ksplice-${id}.tar.gz`);
  }
}
